//! `longlab plan` from outside: cells, skips with their reasons, sums, JSON, and how long it takes.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SPEC: &str = "\
[experiment]
name = \"toy\"
kind = \"base\"
seeds = [0, 1]

[[variant]]
name = \"A\"

[[variant]]
name = \"B\"
\"warm.echo\" = 10

[[axis]]
name = \"rate\"
key = \"warm.rate\"
values = [1e-3, 2e-3]
when = { \"warm.echo\" = 10 }

[[axis]]
name = \"steps\"
key = \"warm.steps\"
values = [5, 10]

[[exclude]]
axis = { rate = 2e-3, steps = 10 }
reason = \"too fast for so long\"
";

/// An empty project with one experiment.
fn project(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("toy.toml"), text).unwrap();
    folder
}

fn longlab(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_longlab")).args(args).current_dir(folder).output().unwrap()
}

fn plan(folder: &Path, args: &[&str]) -> String {
    let output = longlab(folder, &[&["plan", "toy.toml"], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&plan(folder, &[&["--json"], args].concat())).unwrap()
}

#[test]
fn the_plan_says_what_is_not_there_and_why() {
    let folder = project(SPEC);
    let text = plan(folder.path(), &[]);
    let skips = "\
excluded, 1 cell:
  too fast for so long (toy.toml:24)
    B, rate=0.002, steps=10

one cell where an axis does not apply:
  A: axis `rate` (2 values): `warm.echo` is 0, not 10

5 cells x 2 seeds, 1 excluded; disk unknown, as no finished job of the kind began from the same policy
10 jobs, 0 cached; time unknown, as no job of the kind has been measured yet
";
    assert!(text.ends_with(skips), "{text}");
    assert_eq!(text.matches("A, steps=5").count(), 2, "{text}");
}

#[test]
fn the_plan_as_json_says_all_of_it() {
    let folder = project(SPEC);
    let plan = json(folder.path(), &[]);
    assert_eq!((plan["cells"].as_u64(), plan["jobs"].as_array().unwrap().len()), (Some(5), 10));
    assert_eq!(plan["seeds"], serde_json::json!([0, 1]));
    assert_eq!(plan["axes"][0]["keys"][0], "warm.rate");
    assert_eq!(plan["excluded"][0]["cell"], "B, rate=0.002, steps=10");
    assert_eq!(plan["collapsed"][0]["variant"], "A");
    assert!(plan["disk_bytes"].is_null() && plan["minutes"].is_null());
    let job = &plan["jobs"][9];
    assert_eq!((job["variant"].as_str(), job["of"].as_str()), (Some("B, rate=0.002, steps=5"), Some("B")));
    assert_eq!(job["at"], serde_json::json!({"rate": "0.002", "steps": "5"}));
    assert_eq!(plan["jobs"][0]["at"], serde_json::json!({"steps": "5"}));
}

/// What finished jobs took is what the others are said to take.
#[test]
fn finished_jobs_measure_the_disk() {
    let folder = project(SPEC);
    let job = json(folder.path(), &["--resolved"])["jobs"][0].clone();
    let dir = folder.path().join("results/jobs").join(job["id"].as_str().unwrap());
    std::fs::create_dir_all(&dir).unwrap();
    let spec = serde_json::json!({"id": job["id"], "kind": "base", "seed": 0, "settings": job["settings"]});
    std::fs::write(dir.join("job.json"), spec.to_string()).unwrap();
    std::fs::write(dir.join("done.json"), serde_json::json!({"id": job["id"]}).to_string()).unwrap();
    std::fs::write(dir.join("weights"), vec![0; 1_000_000]).unwrap();
    let plan = json(folder.path(), &[]);
    let bytes = plan["jobs"][1]["disk_bytes"].as_f64().unwrap();
    assert!((1_000_000.0..1_010_000.0).contains(&bytes), "{bytes}");
    assert_eq!((plan["jobs"][0]["cached"].as_bool(), plan["jobs"][0]["disk_bytes"].as_f64()), (Some(true), Some(0.0)));
    assert_eq!(plan["disk_bytes"].as_f64(), Some(9.0 * bytes));
    let text = self::plan(folder.path(), &[]);
    assert!(text.contains(" 9.0 MB of disk to come (measured on 1 finished job)"), "{text}");
}

#[test]
fn another_scale_is_another_experiment() {
    let folder = project(SPEC);
    // At scale smol a base policy goes on from a pretrained one.
    let pretrained = folder.path().join("models/smol");
    std::fs::create_dir_all(&pretrained).unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::write(pretrained.join(file), "").unwrap();
    }
    let plan = json(folder.path(), &["--scale", "smol", "--resolved"]);
    assert_eq!((plan["experiment"].as_str(), plan["scale"].as_str()), (Some("toy-smol"), Some("smol")));
    assert_eq!(plan["jobs"][0]["settings"]["train"]["threads"], 2);
    let wrong = longlab(folder.path(), &["plan", "toy.toml", "--scale", "smoll"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("`micro`, `smol`, `4b`, `30b`"));
}

#[test]
fn hostile_specs_are_refused_before_any_work() {
    let values = |from: usize| (from..from + 1000).map(|value| value.to_string()).collect::<Vec<_>>().join(", ");
    let more = format!("[[axis]]\nname = \"more\"\nkey = \"warm.tokens\"\nvalues = [{}]\n\n[[exclude]]", values(64));
    let wide = SPEC.replace("5, 10]", &format!("{}]", values(1))).replace("[[exclude]]", &more);
    for (text, message) in [
        (SPEC.replace("name = \"toy\"", "name = \"../toy\""), "cannot be a file name"),
        (format!("extends = \"../../etc/x.toml\"\n{SPEC}"), "`extends` "),
        (format!("extends = \"toy.toml\"\n{SPEC}"), "goes in a circle"),
        (SPEC.replace("5, 10]", "5, 10000000]"), "out of range"),
        (wide, "an experiment has 50,000 at most"),
    ] {
        let folder = project(&text);
        let output = longlab(folder.path(), &["plan", "toy.toml"]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(message) && error.contains("--> toy.toml:"), "{error}");
        assert!(!folder.path().join("results").exists());
    }
}

#[test]
fn ten_thousand_jobs_are_planned() {
    let values: Vec<String> = (1..=1000).map(|value| value.to_string()).collect();
    let text = SPEC.replace("values = [5, 10]", &format!("values = [{}]", values.join(", ")));
    let text = text.replace("[0, 1]", "[0, 1, 2, 3, 4]").replace("values = [1e-3, 2e-3]", "values = [1e-3]");
    let text = text.replace("axis = { rate = 2e-3, steps = 10 }", "axis = { steps = 1000 }");
    let folder = project(&text);
    let plan = plan(folder.path(), &[]);
    assert!(plan.contains("1998 cells x 5 seeds, 2 excluded"), "{}", &plan[plan.len() - 500..]);
    assert!(plan.contains("9990 jobs, 0 cached"));
}

#[test]
fn the_schema_is_printed() {
    let folder = project(SPEC);
    let output = longlab(folder.path(), &["keys", "--schema"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), longlab::spec::schema());
}
