//! One test for each bug kernel and engine: the buggy form fails as it must, the fixed form passes.

use libtest_mimic::{Arguments, Trial};
use selvedge_check::Engine;
use selvedge_models::bugs::BUGS;

fn main() {
    let mut tests = Vec::new();
    for bug in BUGS {
        for engine in Engine::available() {
            let test = move || bug.run(engine).judge(bug, engine).map_err(Into::into);
            tests.push(Trial::test(format!("{}::{engine}", bug.id), test));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}
