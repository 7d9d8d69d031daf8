//! `cargo selvedge repair`, on crates with faults.

mod common;

use common::{Ended, SLOT_MODEL, User, line};
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

/// Returns the name of the model in the crate of that name.
fn handed_over(name: &str) -> String {
    format!("handed_over_with_{}", name.replace('-', "_"))
}

fn slot(name: &str, store: &str, load: &str) -> (User, String) {
    let library = SLOT.replace("STORE", store).replace("LOAD", load);
    let model =
        SLOT_MODEL.replace("CRATE", &name.replace('-', "_")).replace("handed_over", &handed_over(name));
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
    // The page of the failure has the names of the source, and the repair.
    let page = User::page(&handed_over("relaxed-store"));
    for part in [
        "a repair, with which every test passes",
        "Relaxed -&gt; Release",
        "<td>cell write value</td>",
        "store ready.Relaxed := true",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
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
    let fence = |text| format!("{}: add fence(SeqCst) before", line(library, text));
    // Where the accesses acquire and release, nothing needs that; the fences are a repair all the same.
    let stronger =
        library.replace("true, Relaxed", "true, Release").replace("load(Relaxed)", "load(Acquire)");
    for library in [library, &stronger] {
        let ended = User::new("store-buffering", library, model).selvedge(&["repair", "--json"]);
        assert_eq!(sets(&ended), [(vec![fence("left looks"), fence("right looks")], true)]);
    }
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

#[test]
fn a_stack_needs_both_ends_of_its_publication() {
    let library = "
pub struct Node { value: UnsafeCell<usize>, next: UnsafeCell<*mut Node> }
pub struct Stack { head: AtomicPtr<Node> }
impl Stack {
    pub fn new() -> Stack { Stack { head: AtomicPtr::new(core::ptr::null_mut()) } }
    pub fn push(&self, value: usize) {
        let new = Node { value: UnsafeCell::new(value), next: UnsafeCell::new(core::ptr::null_mut()) };
        let node = Box::into_raw(Box::new(new));
        let mut head = self.head.load(Relaxed); // before a push
        loop {
            unsafe { (*node).next.with_mut(|next| *next = head) };
            match self.head.compare_exchange(head, node, Relaxed, Relaxed) /* push */ {
                Ok(_) => return,
                Err(found) => head = found,
            }
        }
    }
    pub fn pop(&self) -> Option<usize> {
        let mut head = self.head.load(Relaxed); // before a pop
        while !head.is_null() {
            let next = unsafe { (*head).next.with(|next| *next) };
            match self.head.compare_exchange(head, next, Acquire, Acquire) /* pop */ {
                Ok(_) => return Some(unsafe { (*head).value.with(|value| *value) }),
                Err(found) => head = found,
            }
        }
        None
    }
}
";
    let model = "
use treiber_stack::Stack;
#[test]
fn values_arrive() {
    check(|| {
        let stack = Stack::new();
        thread::scope(|scope| {
            scope.spawn(|| stack.push(1));
            assert!(matches!(stack.pop(), None | Some(1)));
        });
    });
}
";
    let ended = User::new("treiber-stack", library, model).selvedge(&["repair", "--json"]);
    let push = format!("{}: Relaxed -> Release", line(library, "/* push */"));
    let pop = format!("{}: Relaxed -> Acquire", line(library, "// before a pop"));
    let found = sets(&ended);
    assert_eq!(found.len(), 1, "{ended:?}");
    assert!([&push, &pop].iter().all(|change| found[0].0.contains(change)), "{found:?}");
}

#[test]
fn faults_of_two_models_are_repaired_together() {
    let library = SLOT.replace("STORE", "Relaxed").replace("LOAD", "Acquire");
    let second =
        library.replace("Slot", "Other").replace("AtomicBool::new(false)", "AtomicBool::new(false) ");
    let both = format!("{library}\n{second}");
    let model = SLOT_MODEL.replace("CRATE", "two_faults");
    let more = model.replace("use two_faults::Slot;", "use two_faults::Other;").replace("Slot::", "Other::");
    let more = more.replace("handed_over", "other_handed_over");
    let user = User::new("two-faults", &both, &format!("{model}{more}"));
    let ended = user.selvedge(&["repair"]);
    assert_eq!(ended.told.matches("Relaxed -> Release").count(), 2, "{ended:?}");
    assert!(ended.told.contains("every test passes after 2 changes") && ended.status == Some(0), "{ended:?}");
}

#[test]
fn a_repair_whose_verdict_is_bounded_is_a_candidate() {
    let library = SLOT.replace("STORE", "Relaxed").replace("LOAD", "Acquire");
    let more = "scope.spawn(|| slot.put(7));\n            scope.spawn(|| { slot.take(); slot.take(); });";
    let model = SLOT_MODEL.replace("CRATE", "bounded").replace("scope.spawn(|| slot.put(7));", more);
    let model = model.replace("check(||", "Checker::new().preemption_bound(1).check(||");
    let ended = User::new("bounded", &library, &model).selvedge(&["repair"]);
    assert!(ended.told.contains("\ncandidate (") && ended.told.contains("only searched"), "{ended:?}");
    assert_eq!(ended.status, Some(1));
}
