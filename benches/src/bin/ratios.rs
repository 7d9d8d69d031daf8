//! Prints how selvedge compares to the best peer in each scenario of the last `cargo bench`.

use std::path::Path;
use std::process::ExitCode;

/// Returns the mean time of a burst in nanoseconds, as criterion left it.
fn mean(folder: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(folder.join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    estimates["mean"]["point_estimate"].as_f64()
}

fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn folders(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn main() -> ExitCode {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_string());
    let mut rows = 0;
    println!("{:<22} {:>10} {:>10}  {:<18} ours/best  ours/crossbeam", "scenario", "ours", "best peer", "");
    for scenario in folders(&Path::new(&target).join("criterion")) {
        let times: Vec<(String, f64)> =
            folders(&scenario).iter().filter_map(|peer| Some((name(peer), mean(peer)?))).collect();
        let ours = times.iter().find(|(name, _)| name == "selvedge");
        let peers = times.iter().filter(|(name, _)| name != "selvedge");
        let best = peers.min_by(|a, b| a.1.total_cmp(&b.1));
        if let (Some((_, ours)), Some((peer, best))) = (ours, best) {
            let micros = |nanos: f64| format!("{:.1} µs", nanos / 1000.0);
            let crossbeam = times.iter().find(|(name, _)| name == "crossbeam-channel");
            let to_crossbeam = crossbeam.map(|(_, time)| format!("{:.2}", ours / time)).unwrap_or_default();
            let (scenario, ratio) = (name(&scenario), ours / best);
            println!(
                "{scenario:<22} {:>10} {:>10}  {peer:<18} {ratio:<10.2} {to_crossbeam}",
                micros(*ours),
                micros(*best)
            );
            rows += 1;
        }
    }
    if rows == 0 {
        eprintln!("ratios: no results in {target}/criterion; run `cargo bench -p selvedge-benches` first");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
