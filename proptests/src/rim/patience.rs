//! Whether a process that says nothing has hung.
//!
//! A process has hung if it is *idle* at many looks in a row: none of its threads runs or could run, and it has used next to no
//! time of a processor since the look before. Or it is busy without end, and has used more time of the processors than any program
//! needs. What else the machine does decides neither. A system without `/proc` does not tell; there each look counts as an idle one.

use std::fs;

/// The units in which Linux counts the time of processors, in a second.
const TICKS: u64 = 100;
/// How much time a process may use between two looks, a second apart, and be idle.
const IDLE: u64 = TICKS / 20;

/// How long a process may say nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The looks in a row at which it is idle.
    pub(super) looks: u32,
    /// The seconds of processors that it uses.
    pub(super) seconds: u64,
}

/// A process since it has last said something.
#[derive(Debug)]
pub(super) struct Watch {
    process: u32,
    /// The time that it had used at the first look since, and at the last one.
    first: Option<u64>,
    last: u64,
    idle: u32,
}

impl Watch {
    pub(super) fn new(process: u32) -> Watch {
        Watch { process, first: None, last: 0, idle: 0 }
    }

    /// Notes that the process has said something.
    pub(super) fn hear(&mut self) {
        *self = Watch::new(self.process);
    }

    /// Looks at the process, once a second while it says nothing; returns whether it has hung.
    pub(super) fn has_hung(&mut self, patience: Patience) -> bool {
        let (used, can_run) = look(self.process).unwrap_or((self.last, false));
        let first = *self.first.get_or_insert(used);
        let is_idle = !can_run && used.saturating_sub(self.last) < IDLE;
        self.idle = if is_idle { self.idle + 1 } else { 0 };
        self.last = used;
        self.idle > patience.looks || used.saturating_sub(first) > patience.seconds * TICKS
    }
}

/// Returns how much time a process has used, and whether one of its threads runs or could run.
fn look(process: u32) -> Option<(u64, bool)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let times = fields(&stat)?.skip(11).take(2).map(|time| time.parse::<u64>().ok());
    let used = times.sum::<Option<u64>>()?;
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let sleeps = |stat: &str| fields(stat).and_then(|mut fields| fields.next()) == Some("S");
    let can_run = |stat: std::io::Result<String>| stat.is_ok_and(|stat| !sleeps(&stat));
    Some((used, threads.flatten().any(|thread| can_run(fs::read_to_string(thread.path().join("stat"))))))
}

/// Returns the fields of a line of `/proc` from the state on, behind the name of the program, which may contain anything.
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().expect("there is a shell")
    }

    /// Looks without a pause, until the process has hung.
    fn watch(mut process: Child, patience: Patience) {
        let mut watch = Watch::new(process.id());
        while !watch.has_hung(patience) {}
        process.kill().and_then(|()| process.wait()).expect("it is ours");
    }

    #[test]
    fn one_that_waits_has_hung_and_so_has_one_that_never_ends() {
        watch(shell("read line"), Patience { looks: 1_000, seconds: u64::MAX / TICKS });
        watch(shell("while :; do :; done"), Patience { looks: u32::MAX, seconds: 1 });
    }
}
