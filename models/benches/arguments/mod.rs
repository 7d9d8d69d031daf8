//! The arguments of a bench: `[--limit SECONDS] [FILTER]`.

use std::time::Duration;

/// What a bench is asked to run.
pub(crate) struct Arguments {
    /// The time for each row and engine.
    pub(crate) limit: Duration,
    filter: String,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Panics
    /// If the limit is not a number of seconds.
    pub(crate) fn read() -> Arguments {
        let mut arguments = Arguments { limit: Duration::from_secs(10), filter: String::new() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so to every bench.
                "--bench" => (),
                "--limit" => {
                    let seconds = words.next().and_then(|word| word.parse().ok());
                    arguments.limit =
                        Duration::from_secs_f64(seconds.expect("`--limit` has a number of seconds"));
                }
                _ => arguments.filter = word,
            }
        }
        arguments
    }

    /// Returns whether a row of this name is to be run.
    pub(crate) fn select(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }
}
