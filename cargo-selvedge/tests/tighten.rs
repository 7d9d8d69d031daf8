//! `cargo selvedge tighten`, on crates whose tests pass.

mod common;

use common::{Ended, SLOT_MODEL, User, line};
use selvedge_check::audit::SourceEdit;
use serde_json::Value;

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.told).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Returns the changes of a report as JSON, each as `line: change`.
fn changes(report: &Value) -> Vec<String> {
    let edits: Vec<SourceEdit> = serde_json::from_value(report["edits"].clone()).expect("edits");
    edits.iter().map(|edit| format!("{}: {}", edit.line, edit.change())).collect()
}

const SLOT: &str = "
pub struct Slot { value: UnsafeCell<usize>, ready: AtomicBool, taken: AtomicUsize }
unsafe impl Sync for Slot {}
impl Slot {
    pub fn new() -> Slot { Slot { value: UnsafeCell::new(0), ready: AtomicBool::new(false), taken: AtomicUsize::new(0) } }
    pub fn put(&self, value: usize) {
        self.value.with_mut(|slot| unsafe { *slot = value });
        FENCE
        self.ready.store(true, STORE);
    }
    pub fn take(&self) -> Option<usize> {
        self.taken.fetch_add(1, COUNT);
        self.ready.load(LOAD).then(|| self.value.with(|slot| unsafe { *slot }))
    }
}
";

fn slot(name: &str, [fence, store, count, load]: [&str; 4]) -> (User, String) {
    let library = SLOT.replace("FENCE", fence).replace("STORE", store);
    let library = library.replace("COUNT", count).replace("LOAD", load);
    (User::new(name, &library, &SLOT_MODEL.replace("CRATE", &name.replace('-', "_"))), library)
}

#[test]
fn orderings_that_are_too_strong_become_the_weakest_that_pass() {
    let (user, library) = slot("too-strong", ["fence(SeqCst);", "SeqCst", "AcqRel", "SeqCst"]);
    let ended = user.selvedge(&["tighten", "--json"]);
    let report = parsed(&ended);
    let at = |text| line(&library, text);
    // The fence saves most, so it goes first, and the store keeps its Release.
    assert_eq!(
        changes(&report),
        [
            format!("{}: remove fence(SeqCst)", at("fence(SeqCst)")),
            format!("{}: SeqCst -> Release", at("ready.store")),
            format!("{}: AcqRel -> Relaxed", at("fetch_add")),
            format!("{}: SeqCst -> Acquire", at("ready.load")),
        ]
    );
    assert_eq!(report["bounded"], Value::Array(Vec::new()), "{report}");
    let told = user.selvedge(&["tighten"]).told;
    for words in ["x86-64: lock or -> nothing", "x86-64: xchg -> mov", "worth: exhaustive"] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn what_is_as_weak_as_it_can_be_stays() {
    let (user, _) = slot("weakest", ["", "Release", "Relaxed", "Acquire"]);
    let ended = user.selvedge(&["tighten"]);
    assert!(ended.told.starts_with("nothing can be weaker"), "{ended:?}");
    assert_eq!(ended.status, Some(0));
}

#[test]
fn what_a_comment_explains_what_no_model_reaches_and_what_load_buffering_may_need_stays() {
    let library = "
pub struct Pair { x: AtomicUsize, y: AtomicUsize }
impl Pair {
    pub fn new() -> Pair { Pair { x: AtomicUsize::new(0), y: AtomicUsize::new(0) } }
    pub fn left(&self) -> usize {
        let seen = self.x.load(Acquire);
        self.y.store(1, Relaxed);
        seen
    }
    pub fn right(&self) -> usize {
        let seen = self.y.load(Acquire);
        self.x.store(1, Release);
        seen
    }
    pub fn count(&self) -> usize {
        // Not model-checked: a caller of the real thing relies on it.
        self.x.fetch_add(0, AcqRel)
    }
    pub fn never(&self) -> usize {
        self.x.load(SeqCst)
    }
}
";
    let model = "
use kept::Pair;
#[test]
fn not_both() {
    check(|| {
        let pair = Pair::new();
        let (left, right) = thread::scope(|scope| {
            let right = scope.spawn(|| pair.right());
            (pair.left(), right.join().unwrap())
        });
        assert!(left + right < 2);
        pair.count();
    });
}
";
    let user = User::new("kept", library, model);
    let report = parsed(&user.selvedge(&["tighten", "--json"]));
    // Of the two orderings of `right` one is enough, and that of `left` stands alone.
    assert_eq!(changes(&report).len(), 1, "{report}");
    let at = [line(library, "self.y.load(Acquire)"), line(library, "self.x.store(1, Release)")];
    assert!(at.iter().any(|line| changes(&report)[0].starts_with(&format!("{line}: "))), "{report}");
    let kept = report["kept_for_load_buffering"].as_array().expect("a list");
    let left = format!(":{}: Acquire -> Relaxed", line(library, "self.x.load(Acquire)"));
    assert!(kept.iter().any(|kept| kept.as_str().is_some_and(|kept| kept.ends_with(&left))), "{report}");
    assert_eq!(kept.len(), 2, "{report}");
    assert_eq!(report["unknown"], Value::from(1));
    // Its steps to Acquire and to Release.
    let explained = report["explained"].as_array().expect("a list");
    let place = format!(":{}: AcqRel -> ", line(library, "fetch_add(0, AcqRel)"));
    let is_told = |kept: &&Value| {
        kept["change"].as_str().is_some_and(|change| change.contains(&place))
            && kept["because"] == "a caller of the real thing relies on it."
            && kept["passes"].is_null()
    };
    assert_eq!((explained.len(), explained.iter().filter(is_told).count()), (2, 2), "{report}");
    let report = parsed(&user.selvedge(&["tighten", "--explained", "--json"]));
    assert_eq!(changes(&report).len(), 1, "what comments explain is tried and not proposed: {report}");
    let [tried] = &report["explained"].as_array().expect("a list")[..] else { panic!("{report}") };
    assert!(tried["change"].as_str().is_some_and(|change| change.contains(&place)), "{report}");
    assert_eq!(tried["passes"], Value::from(true), "{report}");
    let audit = user.selvedge(&["audit"]);
    assert!(audit.told.contains("load buffering not") && audit.told.contains("untested"), "{audit:?}");
}

#[test]
fn a_failing_crate_is_a_case_for_repair() {
    let (user, _) = slot("failing", ["", "Relaxed", "Relaxed", "Acquire"]);
    let ended = user.selvedge(&["tighten"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.complained.contains("cargo selvedge repair"), "{ended:?}");
}
