//! What an operation compiles to, by its ordering, on x86-64 and AArch64.
//!
//! The source is the table *C/C++11 mappings to processors* of Sewell, Sarkar, Batty and others
//! (<https://www.cl.cam.ac.uk/~pes20/cpp/cpp0xmappings.html>), with what LLVM emits where the table leaves a choice: `xchg`
//! for a SeqCst store on x86-64, and for a SeqCst fence `lock or` of nothing on the stack in place of `mfence`; on AArch64 `ldapr` in place of `ldar` for an Acquire load where FEAT_LRCPC is enabled, and one
//! instruction in place of a loop for a read-modify-write where FEAT_LSE is. A test compares the table with what rustc emits.

use selvedge::rt::seam::Operation;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

/// What an operation with an ordering compiles to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// On x86-64.
    pub x86_64: &'static str,
    /// On AArch64.
    pub aarch64: &'static str,
    /// The rank among the orderings of all operations: the higher, the dearer. A rank is no number of cycles.
    pub rank: u32,
}

const fn instructions(x86_64: &'static str, aarch64: &'static str, rank: u32) -> Instructions {
    Instructions { x86_64, aarch64, rank }
}

/// No instruction.
pub const NOTHING: Instructions = instructions("nothing", "nothing", 0);

/// Returns what an operation with an ordering compiles to.
pub fn costs(operation: Operation, order: Ordering) -> Instructions {
    match (operation, order) {
        (Operation::Load, Relaxed) => instructions("mov", "ldr", 1),
        (Operation::Load, Acquire) => instructions("mov", "ldar (ldapr with RCpc)", 2),
        (Operation::Load, _) => instructions("mov", "ldar", 3),
        (Operation::Store, Relaxed) => instructions("mov", "str", 1),
        (Operation::Store, Release) => instructions("mov", "stlr", 2),
        (Operation::Store, _) => instructions("xchg", "stlr", 5),
        (Operation::Rmw | Operation::CompareExchange, order) => read_modify_write(operation, order),
        (Operation::Fence, Acquire) => instructions("nothing", "dmb ishld", 4),
        (Operation::Fence, Release | AcqRel) => instructions("nothing", "dmb ish", 6),
        (Operation::Fence, SeqCst) => instructions("lock or", "dmb ish", 9),
        _ => NOTHING,
    }
}

fn read_modify_write(operation: Operation, order: Ordering) -> Instructions {
    let is_exchange = operation == Operation::CompareExchange;
    let x86_64 = if is_exchange { "lock cmpxchg" } else { "lock xadd, xchg or a loop" };
    let (exchange, other, rank) = match order {
        Acquire => ("ldaxr/stxr (casa with LSE)", "ldaxr/stxr (ldadda, swpa … with LSE)", 3),
        Release => ("ldxr/stlxr (casl with LSE)", "ldxr/stlxr (ldaddl, swpl … with LSE)", 3),
        AcqRel | SeqCst => ("ldaxr/stlxr (casal with LSE)", "ldaxr/stlxr (ldaddal, swpal … with LSE)", 4),
        _ => ("ldxr/stxr (cas with LSE)", "ldxr/stxr (ldadd, swp … with LSE)", 2),
    };
    instructions(x86_64, if is_exchange { exchange } else { other }, rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;

    #[test]
    fn a_stronger_ordering_never_ranks_below_a_weaker_one() {
        for operation in [Operation::Load, Operation::Store, Operation::Rmw, Operation::CompareExchange] {
            let rank = |order| costs(operation, order).rank;
            assert!(rank(Relaxed) < rank(SeqCst));
            let middle = if operation == Operation::Load { Acquire } else { Release };
            assert!(rank(Relaxed) < rank(middle) && rank(middle) <= rank(SeqCst));
        }
        assert!(costs(Operation::Fence, Acquire).rank < costs(Operation::Fence, SeqCst).rank);
    }

    #[test]
    fn the_sequentially_consistent_store_is_the_one_that_x86_pays_for() {
        assert_eq!(costs(Operation::Store, SeqCst).x86_64, "xchg");
        assert_eq!(costs(Operation::Store, Release).x86_64, "mov");
        assert_eq!(costs(Operation::Store, Release).aarch64, "stlr");
        assert_eq!(costs(Operation::Store, Relaxed).aarch64, "str");
    }

    /// An operation as a source has it, and which of several claimed instructions it is compiled to.
    struct Compiled {
        operation: Operation,
        source: &'static str,
        orders: &'static [Ordering],
        /// On x86-64, and the beginning of the name on AArch64 with FEAT_LSE; `None` where there is one claim only.
        one_of: Option<[&'static str; 2]>,
    }

    const ALL: &[Ordering] = &[Relaxed, Acquire, Release, AcqRel, SeqCst];

    const fn compiled(operation: Operation, source: &'static str, orders: &'static [Ordering]) -> Compiled {
        Compiled { operation, source, orders, one_of: None }
    }

    const COMPILED: [Compiled; 6] = [
        compiled(Operation::Load, "a.load(ORDER)", &[Relaxed, Acquire, SeqCst]),
        compiled(Operation::Store, "{ a.store(1, ORDER); 0 }", &[Relaxed, Release, SeqCst]),
        Compiled {
            one_of: Some(["lock xadd", "ldadd"]),
            ..compiled(Operation::Rmw, "a.fetch_add(3, ORDER)", ALL)
        },
        Compiled { one_of: Some(["xchg", "swp"]), ..compiled(Operation::Rmw, "a.swap(3, ORDER)", ALL) },
        compiled(
            Operation::CompareExchange,
            "a.compare_exchange(3, 4, ORDER, Relaxed).is_ok() as usize",
            ALL,
        ),
        compiled(Operation::Fence, "{ fence(ORDER); 0 }", &[Acquire, Release, AcqRel, SeqCst]),
    ];

    /// Returns the instructions of each function that a compiler makes of `source`; `None` if it lacks the target.
    fn instructions_of(source: &str, name: &str, target: &str, features: &str) -> Option<Vec<Vec<String>>> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let ask = |arguments: &[&str]| {
            let output = Command::new(&rustc).args(["--target", target]).args(arguments).output();
            let output = output.expect("the compiler runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("text")
        };
        if !Path::new(ask(&["--print", "target-libdir"]).trim()).exists() {
            eprintln!("not compared: the target {target} is not installed");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("selvedge-costs-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("operations.rs");
        std::fs::write(&file, source).expect("a file");
        // The compiler's own files are beside its output, and not in a folder that two tests share.
        let output = folder.join("operations.s");
        let [file, path] = [&file, &output].map(|path| path.to_str().expect("a path"));
        let kind = ["--edition", "2024", "--crate-type", "lib", "-O", "--emit", "asm", "-o", path, file];
        let features = format!("target-feature={features}");
        let flags: &[&str] = if features.ends_with('=') { &[] } else { &["-C", &features] };
        ask(&[&kind[..], flags].concat());
        let assembly = std::fs::read_to_string(&output).expect("the compiler has written it");
        std::fs::remove_dir_all(&folder).expect("the folder is there");
        let bodies = assembly.split("\noperation_").skip(1).map(|body| {
            let number = body.split(':').next().and_then(|number| number.parse().ok()).expect("a number");
            let lines = body.lines().skip(1).take_while(|line| !line.contains(".cfi_endproc"));
            let code = lines.filter(|line| line.starts_with('\t') && !line.starts_with("\t."));
            (number, code.filter_map(instruction).collect())
        });
        Some(bodies.collect::<BTreeMap<usize, Vec<String>>>().into_values().collect())
    }

    /// Returns the name of an instruction without its size, with what belongs to it; `None` of a comment.
    fn instruction(line: &str) -> Option<String> {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        let sized = |name: &str| name.trim_end_matches(['q', 'l']).to_string();
        match first {
            "dmb" => Some(format!("dmb {}", words.next()?)),
            "lock" => Some(format!("lock {}", sized(words.next()?))),
            "movq" | "movl" | "xchgq" => Some(sized(first)),
            _ => Some(first.to_string()).filter(|name| !name.starts_with('#')),
        }
    }

    /// Checks each operation with each ordering: `claimed` returns the instructions that all must be there.
    fn compare(target: &str, features: &str, claimed: impl Fn(&Compiled, Instructions) -> Vec<&'static str>) {
        let mut source = String::from("use std::sync::atomic::{AtomicUsize, Ordering::*, fence};\n");
        let pairs = || COMPILED.iter().flat_map(|one| one.orders.iter().map(move |order| (one, *order)));
        for (number, (one, order)) in pairs().enumerate() {
            let body = one.source.replace("ORDER", &format!("{order:?}"));
            source += &format!(
                "#[unsafe(no_mangle)] pub fn operation_{number}(a: &AtomicUsize) -> usize {{ {body} }}\n"
            );
        }
        let name = format!("{target}{features}");
        let Some(bodies) = instructions_of(&source, &name, target, features) else { return };
        assert_eq!(bodies.len(), pairs().count());
        for ((one, order), body) in pairs().zip(bodies) {
            let source = one.source;
            for claim in claimed(one, costs(one.operation, order)) {
                let is_there = match claim {
                    "nothing" => {
                        let barriers = ["lock or", "mfence", "dmb ish", "dmb ishld"];
                        !body.iter().any(|line| barriers.contains(&line.as_str()))
                    }
                    _ => body.iter().any(|line| line == claim),
                };
                assert!(is_there, "{source} with {order:?} on {target} is {body:?}, without {claim}");
            }
        }
    }

    #[test]
    fn x86_64_is_compiled_to_what_the_table_says() {
        compare("x86_64-unknown-linux-gnu", "", |one, claimed| match one.one_of {
            Some([claim, _]) => {
                assert!(
                    claimed.x86_64.split(", ").flat_map(|part| part.split(" or ")).any(|part| part == claim)
                );
                vec![claim]
            }
            None => vec![claimed.x86_64],
        });
    }

    #[test]
    fn aarch64_is_compiled_to_what_the_table_says() {
        let without = |claim: &'static str| claim.split(" (").next().expect("words").split('/').collect();
        // Without the feature, std's own atomics call functions that look for FEAT_LSE when the program runs.
        compare("aarch64-unknown-linux-gnu", "-outline-atomics", |_, claimed| without(claimed.aarch64));
        compare("aarch64-unknown-linux-gnu", "+lse,+rcpc", |one, claimed| {
            let Some((_, with)) = claimed.aarch64.split_once(" (") else { return without(claimed.aarch64) };
            let names = with.split(" with ").next().expect("words").trim_end_matches(" …").split(", ");
            let fits = |name: &&str| one.one_of.is_none_or(|[_, stem]| name.starts_with(stem));
            let names: Vec<&str> = names.filter(fits).collect();
            assert_eq!(names.len(), 1, "{}", claimed.aarch64);
            names
        });
    }
}
