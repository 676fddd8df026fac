//! Submission: one array for the jobs that nobody works on yet, and a report job behind all of them.

use super::queue::Entry;
use super::record::{Array, Places, Record};
use super::script::{self, Start};
use super::{SlurmError, command};
use crate::lab::experiment::Plan;
use crate::lab::export::Needs;
use crate::lab::pool::Task;
use crate::lab::{LabError, Layout, files, lock};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tasks of an array where the cluster does not say: Slurm's own default allows 1001 numbers from 0.
const ARRAY_SIZE: usize = 1000;

/// How jobs are submitted.
#[derive(Clone, Debug)]
pub struct Order {
    /// What each job needs.
    pub needs: Needs,
    /// The partition; that of the cluster if none.
    pub partition: Option<String>,
    /// Jobs side by side; none for as many as Slurm gives.
    pub side_by_side: Option<usize>,
    /// Further words for `sbatch`, for jobs and report alike.
    pub more: Vec<String>,
    /// The program that runs a job, and its words before the directory.
    pub job: Vec<String>,
    /// The program that renders the report, with all its words; none for no report.
    pub report: Option<Vec<String>>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Jobs that were submitted now.
    pub new: usize,
    /// Jobs that were in the queue already.
    pub adopted: usize,
    /// What stands in the experiment's folder.
    pub record: Record,
}

/// Submits the unfinished jobs of a plan that are not in the queue yet. The experiment's lock must be held, and job directories be prepared.
///
/// # Errors
/// What Slurm says, or files that cannot be written.
pub fn adopt_or_submit(plan: &Plan, layout: &Layout, order: &Order, queue: &[Entry]) -> anyhow::Result<Submitted> {
    files::make_folder(&layout.slurm(&plan.name))?;
    let mut record = Record::read(layout, &plan.name)?;
    record.settle(queue);
    let places = Places::new(&record, queue);
    let in_queue = |task: &Task| places.of(&task.id).is_some_and(|place| place.entry.is_some_and(Entry::is_live));
    let (adopted, new): (Vec<&Task>, Vec<&Task>) = plan.open().into_iter().partition(|task| in_queue(task));
    let mut submission = Submission { plan, layout, order, record, token: token(&plan.name) };
    submission.arrays(&new)?;
    if !new.is_empty() {
        submission.report()?;
    }
    submission.record.write(layout, &plan.name)?;
    Ok(Submitted { new: new.len(), adopted: adopted.len(), record: submission.record })
}

/// Tells one submission from all others.
fn token(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let place = std::env::current_dir().unwrap_or_default();
    let all = format!("{name} {} {} {}", place.display(), now.as_nanos(), std::process::id());
    blake3::hash(all.as_bytes()).to_hex()[..8].to_string()
}

struct Submission<'a> {
    plan: &'a Plan,
    layout: &'a Layout,
    order: &'a Order,
    record: Record,
    token: String,
}

impl Submission<'_> {
    /// Arrays of jobs with the same number of threads, none larger than the cluster allows.
    fn arrays(&mut self, new: &[&Task]) -> anyhow::Result<()> {
        let mut groups: BTreeMap<usize, Vec<&Task>> = BTreeMap::new();
        new.iter().for_each(|task| groups.entry(task.threads.max(1)).or_default().push(task));
        let size = if new.is_empty() { ARRAY_SIZE } else { command::max_array_size().unwrap_or(ARRAY_SIZE + 1) - 1 };
        // Of arrays that are throttled one runs after the other, or they would be throttled each for itself.
        let mut before = None;
        let chunks =
            groups.iter().flat_map(|(threads, tasks)| tasks.chunks(size.max(1)).map(|chunk| (*threads, chunk)));
        for (number, (threads, tasks)) in chunks.enumerate() {
            let job = self.array(number, threads, tasks, before)?;
            before = self.order.side_by_side.and(Some(job));
        }
        Ok(())
    }

    fn array(&mut self, number: usize, threads: usize, tasks: &[&Task], before: Option<u64>) -> anyhow::Result<u64> {
        let name = format!("longlab-{}-{}-{number}", plain(&self.plan.name), self.token);
        let folder = absolute(&self.layout.slurm(&self.plan.name))?;
        let (list, file) = (folder.join(format!("{name}.txt")), folder.join(format!("{name}.sh")));
        let dirs = tasks.iter().map(|task| Ok(format!("{}\n", absolute(&task.dir)?.display())));
        files::write_whole(&list, dirs.collect::<io::Result<String>>()?.as_bytes())?;
        let minutes = minutes(&self.order.needs);
        let start = Start {
            command: &self.order.job,
            list: &list,
            threads,
            minutes,
            retries: self.order.needs.retries,
            notice: notice(minutes),
            patience: (lock::SILENCE + 4 * lock::BEAT).as_secs(),
        };
        files::write_whole(&file, script::array(&start).as_bytes())?;
        let tasks = tasks.iter().map(|task| task.id.clone()).collect::<Vec<_>>();
        let args = self.array_args(&name, threads, tasks.len(), before, &folder, &file);
        // Written before it is submitted: who comes after a crash finds the name, and by it the id in the queue.
        self.record.arrays.push(Array { name, job: None, tasks });
        self.record.write(self.layout, &self.plan.name)?;
        let job = command::sbatch(&args).inspect_err(|_| self.forget_last())?;
        self.record.arrays.iter_mut().next_back().expect("it was pushed above").job = Some(job);
        self.record.write(self.layout, &self.plan.name)?;
        Ok(job)
    }

    /// Slurm said no: there is nothing to look for. If even that cannot be written, the next look at the queue finds no such name.
    fn forget_last(&mut self) {
        self.record.arrays.pop();
        let _ = self.record.write(self.layout, &self.plan.name);
    }

    fn array_args(
        &self,
        name: &str,
        threads: usize,
        count: usize,
        before: Option<u64>,
        folder: &Path,
        file: &Path,
    ) -> Vec<String> {
        let Order { needs, side_by_side, .. } = self.order;
        let minutes = minutes(needs);
        let limit = side_by_side.map_or(String::new(), |jobs| format!("%{jobs}"));
        let mut args = self.common_args(name, folder, "%A_%a.out");
        args.extend([
            format!("--array=0-{}{limit}", count - 1),
            "--requeue".to_string(),
            "--ntasks=1".to_string(),
            format!("--cpus-per-task={threads}"),
            format!("--mem={}M", needs.memory),
            format!("--time={minutes}"),
            format!("--signal=B:USR1@{}", notice(minutes)),
        ]);
        if needs.gpus > 0 {
            args.push(format!("--gres=gpu:{}", needs.gpus));
        }
        args.extend(before.map(|job| format!("--dependency=afterany:{job}")));
        args.extend(self.order.more.iter().cloned());
        args.push(file.to_string_lossy().into_owned());
        args
    }

    fn common_args(&self, name: &str, folder: &Path, output: &str) -> Vec<String> {
        let mut args = vec!["--parsable".to_string(), format!("--job-name={name}")];
        args.push(format!("--output={}", folder.join(output).display()));
        args.push("--open-mode=append".to_string());
        args.extend(self.order.partition.iter().map(|partition| format!("--partition={partition}")));
        args
    }

    /// A job that renders the report when all arrays have ended, in place of one that was there.
    fn report(&mut self) -> anyhow::Result<()> {
        let Some(report) = &self.order.report else { return Ok(()) };
        if let Some(earlier) = self.record.report.take() {
            command::scancel(&[earlier])?;
        }
        let folder = absolute(&self.layout.slurm(&self.plan.name))?;
        let name = format!("longlab-{}-{}-report", plain(&self.plan.name), self.token);
        let file = folder.join(format!("{name}.sh"));
        files::write_whole(&file, script::report(report).as_bytes())?;
        let after: String = self.record.arrays.iter().filter_map(|a| Some(format!(":{}", a.job?))).collect();
        let mut args = self.common_args(&name, &folder, "report-%j.out");
        args.extend([format!("--dependency=afterany{after}"), "--requeue".to_string(), "--ntasks=1".to_string()]);
        args.extend(["--cpus-per-task=1".to_string(), "--mem=2048M".to_string(), "--time=120".to_string()]);
        args.extend(self.order.more.iter().cloned());
        args.push(file.to_string_lossy().into_owned());
        self.record.report = Some(command::sbatch(&args)?);
        Ok(())
    }
}

fn minutes(needs: &Needs) -> u64 {
    needs.seconds.div_ceil(60).max(1)
}

/// Seconds between the signal and the time limit: a tenth of the time, half a minute at least and five at most. Slurm may send it up to a
/// minute earlier.
fn notice(minutes: u64) -> u64 {
    (6 * minutes).clamp(30, 300)
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// A name without what Slurm or a shell would read otherwise (`%` stands for patterns in names of files).
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '-' }).collect()
}

/// What an experiment has in the queue; none without asking if nothing was ever submitted.
///
/// # Errors
/// What Slurm says, or a record that cannot be read.
pub fn in_queue(layout: &Layout, name: &str) -> Result<Option<(Record, Vec<Entry>)>, InQueueError> {
    let mut record = Record::read(layout, name)?;
    if record == Record::default() {
        return Ok(None);
    }
    let queue = command::squeue()?;
    record.settle(&queue);
    Ok(Some((record, queue)))
}

/// Why it cannot be said what is in the queue.
#[derive(Debug, thiserror::Error)]
pub enum InQueueError {
    /// The record.
    #[error(transparent)]
    Record(#[from] LabError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] SlurmError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_grows_with_the_time() {
        assert_eq!([1, 10, 60, 1440].map(notice), [30, 60, 300, 300]);
    }

    #[test]
    fn names_hold_no_patterns() {
        assert_eq!(plain("table 5%A+b/c"), "table-5-A+b-c");
    }
}
