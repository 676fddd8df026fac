//! What `squeue` says, in the JSON of several versions of Slurm or as text.

use serde_json::Value;

/// A job or tasks of an array, as the queue has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Id of the job, or of the whole array.
    pub job: u64,
    /// The tasks of the array that this is about.
    pub tasks: Tasks,
    /// Name of the job.
    pub name: String,
    /// Its state in capitals, `PENDING` say.
    pub state: String,
    /// Why it waits, or how it ended.
    pub reason: String,
    /// Where it runs or ran; empty if nowhere.
    pub nodes: String,
}

/// Tasks of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tasks {
    /// The job is no array.
    None,
    /// Ranges of task numbers, ends included.
    Ranges(Vec<(usize, usize)>),
}

impl Tasks {
    /// Whether a task is among them.
    pub fn contains(&self, task: usize) -> bool {
        matches!(self, Tasks::Ranges(ranges) if ranges.iter().any(|(first, last)| (first..=last).contains(&&task)))
    }
}

/// What a state in Slurm's words means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It will run, perhaps once more.
    Waiting,
    /// It has a node.
    Active,
    /// It has ended, well or not.
    Ended,
    /// Somebody cancelled it.
    Cancelled,
}

impl Entry {
    /// What its state means.
    pub fn phase(&self) -> Phase {
        phase(&self.state)
    }

    /// Whether it may still run.
    pub fn is_live(&self) -> bool {
        matches!(self.phase(), Phase::Waiting | Phase::Active)
    }
}

/// What a state in Slurm's words means. Words that are not known are taken for activity: nothing is given up on for a new word.
pub fn phase(state: &str) -> Phase {
    match state {
        "PENDING" | "REQUEUED" | "REQUEUE_FED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "CONFIGURING" => Phase::Waiting,
        "COMPLETED" | "FAILED" | "TIMEOUT" | "NODE_FAIL" | "OUT_OF_MEMORY" | "DEADLINE" | "BOOT_FAIL" | "PREEMPTED"
        | "REVOKED" => Phase::Ended,
        "CANCELLED" => Phase::Cancelled,
        _ => Phase::Active,
    }
}

/// The entries of `squeue --json`: that of Slurm 22.05, and that of later versions, where numbers are objects and states lists.
pub fn of_json(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let all: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let jobs = all.get("jobs").and_then(Value::as_array).ok_or("it has no list `jobs`")?;
    jobs.iter().map(|job| entry(job).ok_or_else(|| format!("a job without id or state: {job}"))).collect()
}

fn entry(job: &Value) -> Option<Entry> {
    let text = |name: &str| job.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let array = job.get("array_job_id").and_then(number).filter(|id| *id > 0);
    // A waiting rest of an array is one entry with a list; a task that ever had a node is one of its own.
    let tasks = match (array, job.get("array_task_id").and_then(number)) {
        (None, _) => Tasks::None,
        (Some(_), Some(task)) => one(usize::try_from(task).ok()?),
        (Some(_), None) => Tasks::Ranges(ranges(&text("array_task_string"))),
    };
    let state = match job.get("job_state")? {
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(str::to_string).collect(),
        word => vec![word.as_str()?.to_string()],
    };
    // Several words are a state and its flags: `["COMPLETED", "COMPLETING"]` has not ended yet.
    let state = state.iter().find(|word| phase(word) == Phase::Active).or(state.first())?.clone();
    let job_id = job.get("job_id").and_then(number)?;
    let (name, reason, nodes) = (text("name"), text("state_reason"), text("nodes"));
    Some(Entry { job: array.unwrap_or(job_id), tasks, name, state, reason, nodes })
}

fn one(task: usize) -> Tasks {
    Tasks::Ranges(vec![(task, task)])
}

/// `7`, or `{"set": true, "infinite": false, "number": 7}`; none for null and for what is not set.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Object(map) if map.get("set") == Some(&Value::Bool(false)) => None,
        Value::Object(map) => map.get("number")?.as_u64(),
        value => value.as_u64(),
    }
}

/// `0-3,7,9-11:2%4`: ranges, with steps, with the number that may run side by side.
fn ranges(text: &str) -> Vec<(usize, usize)> {
    let text = text.split('%').next().unwrap_or_default().trim_matches(['[', ']']);
    text.split(',').flat_map(range).collect()
}

fn range(part: &str) -> Vec<(usize, usize)> {
    let (part, step) = part.split_once(':').map_or((part, "1"), |(part, step)| (part, step));
    // A list that was cut ends in three dots: all the rest may be meant.
    let (first, last) = if part == "..." { ("0", "") } else { part.split_once('-').unwrap_or((part, part)) };
    let Ok(first) = first.parse::<usize>() else { return Vec::new() };
    let last = last.parse::<usize>().unwrap_or(usize::MAX);
    match step.parse::<usize>() {
        Ok(step @ 2..) => (first..=last).step_by(step).map(|task| (task, task)).collect(),
        _ => vec![(first, last)],
    }
}

/// The entries of `squeue --noheader --array --format=%F|%K|%j|%T|%r|%N`.
pub fn of_text(text: &str) -> Result<Vec<Entry>, String> {
    let line = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [job, task, name, state, reason, nodes] = cells[..] else { return None };
        let tasks = if task == "N/A" { Tasks::None } else { Tasks::Ranges(ranges(task)) };
        let [name, state, reason, nodes] = [name, state, reason, nodes].map(str::to_string);
        Some(Entry { job: job.parse().ok()?, tasks, name, state, reason, nodes })
    };
    let lines = text.lines().filter(|text| !text.trim().is_empty());
    lines.map(|text| line(text).ok_or_else(|| format!("the line {text:?}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_answer_of_slurm_22_05_is_read() {
        let entries = of_json(include_bytes!("../../../tests/slurm/squeue-22.05.json")).unwrap();
        let short: Vec<_> =
            entries.iter().map(|e| (e.job, e.tasks.clone(), e.state.as_str(), e.nodes.as_str())).collect();
        assert_eq!(
            short,
            [
                (1, Tasks::Ranges(vec![(0, 0)]), "RUNNING", "n1"),
                (2, Tasks::None, "PENDING", ""),
                (1, Tasks::Ranges(vec![(1, 1)]), "RUNNING", "n1"),
                (1, Tasks::Ranges(vec![(2, 5)]), "PENDING", ""),
            ]
        );
        assert_eq!((entries[1].reason.as_str(), entries[3].reason.as_str()), ("Dependency", "JobArrayTaskLimit"));
    }

    #[test]
    fn numbers_as_objects_and_states_as_lists_are_read() {
        let set = |number: u64| json!({"set": true, "infinite": false, "number": number});
        let unset = json!({"set": false, "infinite": false, "number": 0});
        let later = json!({"jobs": [
            {"job_id": 9, "array_job_id": set(8), "array_task_id": set(0), "job_state": ["COMPLETED", "COMPLETING"], "nodes": "n2"},
            {"job_id": 8, "array_job_id": set(8), "array_task_id": unset, "array_task_string": "1,3-4%2", "job_state": ["PENDING"]},
            {"job_id": 10, "array_job_id": unset, "array_task_id": unset, "job_state": ["CANCELLED"]},
        ]});
        let entries = of_json(later.to_string().as_bytes()).unwrap();
        let short: Vec<_> = entries.iter().map(|e| (e.job, e.tasks.clone(), e.phase())).collect();
        assert_eq!(
            short,
            [
                (8, Tasks::Ranges(vec![(0, 0)]), Phase::Active),
                (8, Tasks::Ranges(vec![(1, 1), (3, 4)]), Phase::Waiting),
                (10, Tasks::None, Phase::Cancelled),
            ]
        );
    }

    #[test]
    fn lists_of_tasks_hold_ranges_steps_and_limits() {
        let holds = |text: &str| (0..12).filter(|&task| Tasks::Ranges(ranges(text)).contains(task)).collect::<Vec<_>>();
        assert_eq!(holds("0-3,7,9-11%2"), [0, 1, 2, 3, 7, 9, 10, 11]);
        assert_eq!(holds("[1-9:4]"), [1, 5, 9]);
        assert_eq!(holds("8,..."), (0..12).collect::<Vec<_>>(), "cut: any may be meant");
        assert!(holds("").is_empty());
    }

    #[test]
    fn text_is_read_where_there_is_no_json() {
        let entries = of_text("12|3|longlab-toy|RUNNING|None|n1\n13|N/A|report|PENDING|Dependency|\n\n").unwrap();
        assert_eq!((entries[0].job, entries[0].tasks.contains(3), entries[0].phase()), (12, true, Phase::Active));
        assert_eq!((&entries[1].tasks, entries[1].reason.as_str()), (&Tasks::None, "Dependency"));
        assert!(of_text("what is this").is_err() && of_json(b"{}").is_err() && of_json(b"slurm").is_err());
    }
}
