//! The jobs of a plan as files of schedulers that start processes themselves: a HyperQueue job definition and a Kubernetes Indexed Job.
//!
//! Both start `longlab job DIR` for each unfinished job and nothing else, as the pool does; results lie on a file system that all nodes see.

use super::experiment::Plan;
use super::pool::Task;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a job needs of a node beside its threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Memory, MiB.
    pub memory: u64,
    /// GPUs.
    pub gpus: u32,
    /// Longest time, seconds; a job that is cut off goes on from its checkpoint when it is started again.
    pub seconds: u64,
    /// How often a job that failed is started again.
    pub retries: u32,
}

#[derive(Serialize)]
struct JobFile {
    name: String,
    task: Vec<HqTask>,
}

#[derive(Serialize)]
struct HqTask {
    id: usize,
    command: Vec<String>,
    time_limit: String,
    crash_limit: u32,
    env: BTreeMap<&'static str, String>,
    request: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    resources: BTreeMap<&'static str, u64>,
    time_request: String,
}

/// A HyperQueue job definition file (TOML, for `hq job submit-file`): a task for each unfinished job, with its threads as cpus. `mem` is a
/// resource of HyperQueue in MiB.
///
/// # Errors
/// None that a plan can cause; the serializer's otherwise.
pub fn hyperqueue(plan: &Plan, program: &[String], needs: &Needs) -> Result<String, toml::ser::Error> {
    let task = |(id, task): (usize, &&Task)| {
        let mut resources = BTreeMap::from([("cpus", task.threads as u64), ("mem", needs.memory)]);
        if needs.gpus > 0 {
            resources.insert("gpus", needs.gpus.into());
        }
        HqTask {
            id,
            command: command(program, task),
            time_limit: format!("{}s", needs.seconds),
            crash_limit: needs.retries + 1,
            env: BTreeMap::from([("GOMP_SPINCOUNT", "0".to_string()), ("OMP_NUM_THREADS", task.threads.to_string())]),
            request: vec![Request { resources, time_request: "1s".to_string() }],
        }
    };
    let task = plan.open().iter().enumerate().map(task).collect();
    toml::to_string(&JobFile { name: format!("longlab-{}", plan.name), task })
}

fn command(program: &[String], task: &Task) -> Vec<String> {
    let dir = task.dir.to_string_lossy().into_owned();
    program.iter().cloned().chain(["job".to_string(), dir]).collect()
}

/// Where a Kubernetes cluster finds program and results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Container image with the longlab binary on its path.
    pub image: String,
    /// Persistent volume claim that holds the working directory: results, base policies, the list of jobs.
    pub volume: String,
    /// Pods side by side.
    pub parallelism: u32,
}

/// The folder in which the volume is mounted.
const MOUNT: &str = "/lab";

/// A Kubernetes Indexed Job (`batch/v1`, JSON, for `kubectl apply -f`): one index for each unfinished job. `list` is a file in the working
/// directory with the directory of a job a line, in the order of the indices ([`job_list`]).
pub fn kubernetes(plan: &Plan, list: &str, needs: &Needs, cluster: &Cluster) -> Value {
    let open = plan.open();
    let threads = open.iter().map(|task| task.threads).max().unwrap_or(1);
    let mut limits = json!({"cpu": threads.to_string(), "memory": format!("{}Mi", needs.memory)});
    if needs.gpus > 0 {
        limits["nvidia.com/gpu"] = json!(needs.gpus.to_string());
    }
    // The list and not the command line names the jobs: an argument may not be longer than 128 KiB.
    let script = "exec longlab job \"$(sed -n \"$((JOB_COMPLETION_INDEX + 1))p\" \"$LONGLAB_LIST\")\"";
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": label(&plan.name), "labels": {"app": "longlab"}},
        "spec": {
            "completionMode": "Indexed",
            "completions": open.len(),
            "parallelism": cluster.parallelism,
            "backoffLimitPerIndex": needs.retries,
            "template": {"spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": needs.seconds,
                "containers": [{
                    "name": "job",
                    "image": cluster.image,
                    "workingDir": MOUNT,
                    "command": ["/bin/sh", "-c", script],
                    "env": [
                        {"name": "LONGLAB_LIST", "value": list},
                        {"name": "GOMP_SPINCOUNT", "value": "0"},
                        {"name": "OMP_NUM_THREADS", "value": threads.to_string()},
                    ],
                    "resources": {"requests": limits, "limits": limits},
                    "volumeMounts": [{"name": "lab", "mountPath": MOUNT}],
                }],
                "volumes": [{"name": "lab", "persistentVolumeClaim": {"claimName": cluster.volume}}],
            }},
        },
    })
}

/// The directories of the unfinished jobs, one a line.
pub fn job_list(plan: &Plan) -> String {
    plan.open().iter().map(|task| format!("{}\n", task.dir.display())).collect()
}

/// A name as Kubernetes allows it (RFC 1123: lower case, digits, hyphens, 63 characters, a letter or digit at both ends).
fn label(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(54).collect();
    format!("longlab-{}", plain.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Layout, layout};
    use std::fs;

    const SPEC: &str =
        "[experiment]\nname = \"Toy run\"\nkind = \"base\"\nseeds = [0, 1, 2]\n[[variant]]\nname = \"base\"\n";

    fn plan() -> (tempfile::TempDir, Plan) {
        let dir = tempfile::tempdir().unwrap();
        let experiment = crate::spec::parse(SPEC, "toy.toml".as_ref()).unwrap();
        let plan =
            Plan::new(&experiment, &Layout::new(dir.path().join("results"), dir.path().join("reports"))).unwrap();
        let first = &plan.tasks[0];
        fs::create_dir_all(&first.dir).unwrap();
        fs::write(layout::done_json(&first.dir), format!("{{\"id\": \"{}\"}}", first.id)).unwrap();
        (dir, plan)
    }

    fn needs() -> Needs {
        Needs { memory: 1536, gpus: 1, seconds: 3600, retries: 2 }
    }

    #[test]
    fn a_job_file_has_a_task_for_each_unfinished_job() {
        let (_dir, plan) = plan();
        let text = hyperqueue(&plan, &["./lab".to_string()], &needs()).unwrap();
        let file: toml::Table = text.parse().unwrap();
        let tasks = file["task"].as_array().unwrap();
        assert_eq!((file["name"].as_str(), tasks.len()), (Some("longlab-Toy run"), 2));
        let command: Vec<&str> =
            tasks[1]["command"].as_array().unwrap().iter().filter_map(|word| word.as_str()).collect();
        assert_eq!(command, ["./lab", "job", plan.tasks[2].dir.to_str().unwrap()]);
        let resources = tasks[0]["request"][0]["resources"].as_table().unwrap();
        assert_eq!((resources["cpus"].as_integer(), resources["gpus"].as_integer()), (Some(1), Some(1)));
    }

    #[test]
    fn an_indexed_job_has_an_index_for_each_unfinished_job() {
        let (_dir, plan) = plan();
        let cluster = Cluster { image: "registry/longlab:1".into(), volume: "lab".into(), parallelism: 8 };
        let manifest = kubernetes(&plan, "results/toy/open.txt", &needs(), &cluster);
        let spec = &manifest["spec"];
        assert_eq!((spec["completions"].as_u64(), spec["backoffLimitPerIndex"].as_u64()), (Some(2), Some(2)));
        assert_eq!(manifest["metadata"]["name"], "longlab-toy-run");
        let container = &spec["template"]["spec"]["containers"][0];
        assert_eq!(container["resources"]["limits"]["nvidia.com/gpu"], "1");
        assert_eq!(job_list(&plan).lines().count(), 2);
        assert_eq!(label("--Ä table 5_x"), "longlab-table-5-x");
    }

    #[test]
    fn the_script_of_a_pod_starts_the_job_of_its_index() {
        let (dir, plan) = plan();
        let list = dir.path().join("open.txt");
        fs::write(&list, job_list(&plan)).unwrap();
        let cluster = Cluster { image: "i".into(), volume: "v".into(), parallelism: 1 };
        let manifest = kubernetes(&plan, list.to_str().unwrap(), &needs(), &cluster);
        let script = manifest["spec"]["template"]["spec"]["containers"][0]["command"][2].as_str().unwrap();
        // A longlab that says what it was asked for.
        let bin = dir.path().join("longlab");
        fs::write(&bin, "#!/bin/sh\necho \"$@\"\n").unwrap();
        fs::set_permissions(&bin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let run = std::process::Command::new("/bin/sh")
            .args(["-c", script])
            .env("PATH", path)
            .env("JOB_COMPLETION_INDEX", "1")
            .env("LONGLAB_LIST", &list)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(run.stdout).unwrap(), format!("job {}\n", plan.tasks[2].dir.display()));
    }
}
