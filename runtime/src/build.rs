//! What was built.

/// What was built, and for which target: in place of Go's `runtime.Version`, `GOOS`, `GOARCH` and `GOROOT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildInfo {
    /// The version of this crate.
    pub version: &'static str,
    /// The operating system, such as `"linux"`.
    pub os: &'static str,
    /// The processor's architecture, such as `"x86_64"`.
    pub arch: &'static str,
    /// Whether goroutines have stacks of their own; otherwise each is a thread.
    pub has_goroutines: bool,
    /// Whether the build has debug assertions.
    pub debug_assertions: bool,
    /// Whether an engine can run what was built.
    pub checking: bool,
}

/// Returns what was built.
///
/// ```
/// assert!(selvedge_go::build_info().version.starts_with("0."));
/// ```
pub const fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        has_goroutines: cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
        debug_assertions: cfg!(debug_assertions),
        checking: cfg!(any(feature = "loom", feature = "shuttle", feature = "graph")),
    }
}
