//! The page in a browser: what `tests/browser/check_report.py` does with it in a Chromium without a window.

use longlab::report::{gallery, render, reread};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The browser named by `CHROMIUM`, or that of Debian, or another under a usual name.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let usual = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    named.or_else(|| usual.into_iter().find(|program| program.exists()))
}

#[test]
fn a_reader_sorts_opens_and_points_without_network_and_errors() {
    let Some(chromium) = chromium() else {
        eprintln!("SKIPPED: no Chromium (Debian: chromium; elsewhere name it by CHROMIUM); no page was opened");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a folder");
    let report = folder.path().join("table5");
    render(&reread(&root.join("reports/table5/data")).expect("a committed report"), &report).expect("rendered");
    gallery(folder.path()).expect("one card");
    let output = Command::new("python3")
        .arg("-B")
        .arg(root.join("tests/browser/check_report.py"))
        .args([&chromium, &report])
        .output()
        .expect("python3 is a need of ./lab");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("sorts, opens, hovers, prints, fits, is quiet"), "{told}");
}
