//! `cargo selvedge repair`, on crates with faults.

mod common;

use common::{Ended, User, line};
use selvedge_check::audit::Repair;

/// Returns the sets of changes in a report as JSON, each as `line: change`, and whether each is a repair.
fn sets(ended: &Ended) -> Vec<(Vec<String>, bool)> {
    let repairs: Vec<Repair> =
        serde_json::from_str(&ended.told).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let words = |repair: &Repair| {
        repair.edits.iter().map(|edit| format!("{}: {}", edit.line, edit.change())).collect::<Vec<_>>()
    };
    repairs.iter().map(|repair| (words(repair), repair.is_repair)).collect()
}

const SLOT: &str = "
pub struct Slot { value: UnsafeCell<usize>, ready: AtomicBool }
unsafe impl Sync for Slot {}
impl Slot {
    pub fn new() -> Slot { Slot { value: UnsafeCell::new(0), ready: AtomicBool::new(false) } }
    pub fn put(&self, value: usize) {
        self.value.with_mut(|slot| unsafe { *slot = value });
        self.ready.store(true, STORE);
    }
    pub fn take(&self) -> Option<usize> {
        self.ready.load(LOAD).then(|| self.value.with(|slot| unsafe { *slot }))
    }
}
";

const SLOT_MODEL: &str = "
use CRATE::Slot;
#[test]
fn handed_over() {
    check(|| {
        let slot = Slot::new();
        thread::scope(|scope| {
            scope.spawn(|| slot.put(7));
            assert!(matches!(slot.take(), None | Some(7)));
        });
    });
}
";

fn slot(name: &str, store: &str, load: &str) -> (User, String) {
    let library = SLOT.replace("STORE", store).replace("LOAD", load);
    let model = SLOT_MODEL.replace("CRATE", &name.replace('-', "_"));
    (User::new(name, &library, &model), library)
}

#[test]
fn a_relaxed_store_that_publishes_becomes_a_release_store() {
    let (user, library) = slot("relaxed-store", "Relaxed", "Acquire");
    let ended = user.selvedge(&["repair"]);
    let wanted = format!("src/lib.rs:{}: Relaxed -> Release", line(&library, "store("));
    assert!(ended.told.contains(&wanted) && ended.told.contains("AArch64: str -> stlr"), "{ended:?}");
    assert!(
        ended.told.contains("every test passes after one change") && ended.told.contains("\nrepair\n"),
        "{ended:?}"
    );
    assert_eq!(ended.status, Some(0));
}

#[test]
fn two_relaxed_sides_need_two_changes() {
    let (user, library) = slot("relaxed-both", "Relaxed", "Relaxed");
    let ended = user.selvedge(&["repair", "--json"]);
    let (store, load) = (line(&library, "store("), line(&library, "load("));
    let both = vec![format!("{store}: Relaxed -> Release"), format!("{load}: Relaxed -> Acquire")];
    assert_eq!(sets(&ended), [(both, true)]);
}

#[test]
fn a_crate_that_passes_is_no_case_for_repair() {
    let (user, _) = slot("nothing-to-repair", "Release", "Acquire");
    let ended = user.selvedge(&["repair"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.complained.contains("there is nothing to repair"), "{ended:?}");
}

#[test]
fn store_buffering_needs_a_fence_on_both_sides() {
    let library = "
pub struct Door { mine: [AtomicBool; 2] }
impl Door {
    pub fn new() -> Door { Door { mine: [AtomicBool::new(false), AtomicBool::new(false)] } }
    pub fn left(&self) -> bool {
        self.mine[0].store(true, Relaxed);
        !self.mine[1].load(Relaxed) // left looks
    }
    pub fn right(&self) -> bool {
        self.mine[1].store(true, Relaxed);
        !self.mine[0].load(Relaxed) // right looks
    }
}
";
    let model = "
use store_buffering::Door;
#[test]
fn one_enters() {
    check(|| {
        let door = Door::new();
        let (left, right) = thread::scope(|scope| {
            let left = scope.spawn(|| door.left());
            let right = door.right();
            (left.join().unwrap(), right)
        });
        assert!(!(left && right));
    });
}
";
    let user = User::new("store-buffering", library, model);
    let ended = user.selvedge(&["repair", "--json"]);
    let fence = |text| format!("{}: add fence(SeqCst) before", line(library, text));
    assert_eq!(sets(&ended), [(vec![fence("left looks"), fence("right looks")], true)]);
}

#[test]
fn a_fault_of_logic_is_told_as_such() {
    let library = "
pub fn add(count: &AtomicUsize) {
    let old = count.load(Relaxed);
    count.store(old + 1, Relaxed);
}
";
    let model = "
use lost_update::add;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
#[test]
fn both_count() {
    check(|| {
        let count = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| add(&count));
            add(&count);
        });
        assert_eq!(count.load(Relaxed), 2);
    });
}
";
    let ended = User::new("lost-update", library, model).selvedge(&["repair"]);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.told.contains("no fault of orderings") && ended.told.contains("no repair"), "{ended:?}");
}

#[test]
fn failures_without_a_model_and_crates_without_an_engine_are_told_apart() {
    let failing = "#[test]\nfn sums() { assert_eq!(1 + 1, 3); }\n";
    let ended = User::new("no-model", "", failing).selvedge(&["repair"]);
    assert_eq!(ended.status, Some(2));
    assert!(
        ended.complained.contains("no test calls `check`") && ended.complained.contains("sums"),
        "{ended:?}"
    );
    let ended = User::with_features("no-feature", "[features]\n", "", failing).selvedge(&["repair"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.complained.contains("graph = [\"selvedge-check/graph\"]"), "{ended:?}");
    let ended = User::new("no-compile", "fn wrong(", failing).selvedge(&["repair"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.complained.contains("do not compile"), "{ended:?}");
}
