//! `longlab plan --power`: what claims need before anything is run.

use std::path::Path;
use std::process::{Command, Output};

const SPEC: &str = r#"
[experiment]
name = "toy"
seeds = [0, 1, 2]
[[variant]]
name = "GRPO"
[[variant]]
name = "slower"
"train.rate" = 1e-5
[[claim]]
text = "a slower rate is better"
better = "slower"
worse = "GRPO"
measure = "avg"
[[claim]]
text = "and learns more"
better = "slower"
worse = "GRPO"
measure = "reward"
"#;

fn plan(folder: &Path, args: &[&str]) -> Output {
    let spec = folder.join("toy.toml");
    std::fs::write(&spec, SPEC).unwrap();
    Command::new(env!("CARGO_BIN_EXE_longlab"))
        .arg("plan")
        .arg(&spec)
        .arg("--power")
        .args(args)
        .arg("--results")
        .arg(folder.join("results"))
        .arg("--reports")
        .arg(folder.join("reports"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

#[test]
fn stated_spreads_give_seeds_and_items() {
    let folder = tempfile::tempdir().unwrap();
    let needs = |args: &[&str]| -> serde_json::Value {
        let output = plan(folder.path(), &[args, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let few = needs(&["--spread", "seed=1,item=10,within=20", "--effect", "2"]);
    assert_eq!(few.as_array().map(Vec::len), Some(1), "scores alone: {few}");
    let (few, number) = (&few[0], |value: &serde_json::Value| value.as_f64().unwrap());
    assert_eq!((few["seeds"].as_u64(), few["items"].as_u64()), (Some(3), Some(600)));
    let many = &needs(&["--spread", "seed=2,item=10,within=20", "--effect", "2"])[0];
    assert!(number(&many["seeds_needed"]) > number(&few["seeds_needed"]), "{many}");
    assert!(number(&many["detectable"]) > number(&few["detectable"]), "{many}");
    // No number of items makes up for seeds that vary too much.
    let never = &needs(&["--spread", "seed=9,item=10,within=20", "--effect", "0.5"])[0];
    assert!(never["items_needed"].is_null(), "{never}");
}

#[test]
fn without_variances_it_says_where_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let words = |args: &[&str]| {
        let output = plan(folder.path(), args);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(words(&[]).contains("--like SPEC"));
    assert!(words(&["--spread", "luck=1"]).contains("the names are seed, item, within"));
    assert!(words(&["--spread", "seed=1", "--effect", "-1"]).contains("above 0"));
}

#[test]
fn another_experiment_lends_its_variances() {
    let folder = tempfile::tempdir().unwrap();
    // The shipped report of Table 2 holds what it stands on.
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/table2/data"),
        &folder.path().join("reports/table2/data"),
    );
    let output = plan(folder.path(), &["--like", "experiments/table2.toml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("a slower rate is better") && text.contains("1.00") && text.contains("3 x 600"), "{text}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
