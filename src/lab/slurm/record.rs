//! What was submitted of an experiment: `results/<experiment>/slurm/submitted.json`.

use super::queue::{Entry, Tasks};
use crate::lab::{LabError, Layout, files};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The submissions that may still be in the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Arrays, oldest first.
    pub arrays: Vec<Array>,
    /// The job that writes the report after them.
    pub report: Option<u64>,
}

/// One array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Array {
    /// Its name in the queue, unlike that of any other array.
    pub name: String,
    /// Its id; none while it is not known whether Slurm has it: the process that submitted it died just then.
    pub job: Option<u64>,
    /// The job ids of its tasks, by task number.
    pub tasks: Vec<String>,
}

/// Where a job id stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Id of the array.
    pub array: u64,
    /// Number of the task.
    pub task: usize,
    /// What the queue says of it; none if the queue no longer knows it.
    pub entry: Option<&'a Entry>,
}

/// The places of all job ids of a record in one answer of the queue; made once a look, for both may be long.
#[derive(Debug)]
pub struct Places<'a> {
    tasks: BTreeMap<&'a str, (u64, usize)>,
    /// Entries about one task.
    single: BTreeMap<(u64, usize), &'a Entry>,
    /// Entries about several: what waits of an array is one.
    several: Vec<&'a Entry>,
}

impl<'a> Places<'a> {
    /// The places of the job ids of `record` in `queue`; of several arrays that have an id the latest counts.
    pub fn new(record: &'a Record, queue: &'a [Entry]) -> Places<'a> {
        let mut places = Places { tasks: BTreeMap::new(), single: BTreeMap::new(), several: Vec::new() };
        for array in &record.arrays {
            let Some(job) = array.job else { continue };
            places.tasks.extend(array.tasks.iter().enumerate().map(|(task, id)| (id.as_str(), (job, task))));
        }
        for entry in queue {
            match &entry.tasks {
                Tasks::None => {}
                Tasks::Ranges(ranges) => match ranges[..] {
                    [(first, last)] if first == last => drop(places.single.insert((entry.job, first), entry)),
                    _ => places.several.push(entry),
                },
            }
        }
        places
    }

    /// Where a job id stands; none if it is in no array.
    pub fn of(&self, id: &str) -> Option<Place<'a>> {
        let &(array, task) = self.tasks.get(id)?;
        let among = || self.several.iter().find(|entry| entry.job == array && entry.tasks.contains(task));
        let entry = self.single.get(&(array, task)).copied().or_else(|| among().copied());
        Some(Place { array, task, entry })
    }
}

fn path(layout: &Layout, name: &str) -> PathBuf {
    layout.slurm(name).join("submitted.json")
}

impl Record {
    /// The record of an experiment; an empty one if nothing was submitted.
    ///
    /// # Errors
    /// A file that cannot be read: without it jobs might be submitted twice.
    pub fn read(layout: &Layout, name: &str) -> Result<Record, LabError> {
        let path = path(layout, name);
        let mend = "; look at `squeue --me` for jobs of this experiment, cancel them, and delete this file";
        match fs::read(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Record::default())
            }
            Err(source) => Err(LabError::Unreadable { path, source, mend }),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let source = std::io::Error::new(ErrorKind::InvalidData, error);
                LabError::Unreadable { path, source, mend }
            }),
        }
    }

    /// Writes it.
    pub fn write(&self, layout: &Layout, name: &str) -> Result<(), LabError> {
        files::write_json(&path(layout, name), self)
    }

    /// Finds by their names in the queue the ids of arrays whose submission was cut off, and forgets those of which nothing is left there.
    pub fn settle(&mut self, queue: &[Entry]) {
        for array in &mut self.arrays {
            array.job =
                array.job.or_else(|| queue.iter().find(|entry| entry.name == array.name).map(|entry| entry.job));
        }
        let live = |job: u64| queue.iter().any(|entry| entry.job == job && entry.is_live());
        self.arrays.retain(|array| array.job.is_some_and(live));
        self.report = self.report.filter(|job| live(*job));
    }

    /// The ids of everything that may still run, the report's included.
    pub fn live(&self, queue: &[Entry]) -> Vec<u64> {
        let jobs = self.arrays.iter().filter_map(|array| array.job).chain(self.report);
        jobs.filter(|job| queue.iter().any(|entry| entry.job == *job && entry.is_live())).collect()
    }

    /// Whether the report's job is waiting or at work.
    pub fn reports(&self, queue: &[Entry]) -> bool {
        let is_it = |entry: &Entry| Some(entry.job) == self.report && entry.tasks == Tasks::None && entry.is_live();
        queue.iter().any(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(job: u64, name: &str, tasks: (usize, usize), state: &str) -> Entry {
        let (reason, nodes) = (String::new(), String::new());
        Entry { job, tasks: Tasks::Ranges(vec![tasks]), name: name.into(), state: state.into(), reason, nodes }
    }

    fn array(name: &str, job: Option<u64>) -> Array {
        Array { name: name.into(), job, tasks: vec!["a".into(), "b".into(), "c".into()] }
    }

    #[test]
    fn a_submission_that_was_cut_off_is_found_by_its_name() {
        let mut record =
            Record { arrays: vec![array("one", None), array("two", None), array("old", Some(3))], report: Some(4) };
        let queue = [entry(7, "two", (0, 2), "PENDING"), entry(3, "old", (0, 2), "COMPLETED")];
        record.settle(&queue);
        assert_eq!(record, Record { arrays: vec![array("two", Some(7))], report: None });
        let places = Places::new(&record, &queue);
        assert_eq!(places.of("b"), Some(Place { array: 7, task: 1, entry: Some(&queue[0]) }));
        assert_eq!(places.of("z"), None);
        assert_eq!(record.live(&queue), [7]);
    }

    #[test]
    fn the_latest_array_of_a_job_counts_and_a_task_of_its_own_before_the_rest() {
        let record = Record { arrays: vec![array("one", Some(1)), array("two", Some(2))], report: None };
        let queue =
            [entry(1, "one", (1, 1), "FAILED"), entry(2, "two", (1, 2), "PENDING"), entry(2, "two", (0, 0), "RUNNING")];
        let places = Places::new(&record, &queue);
        let state = |id: &str| places.of(id).unwrap().entry.map(|entry| entry.state.as_str());
        assert_eq!(["a", "b", "c"].map(state), [Some("RUNNING"), Some("PENDING"), Some("PENDING")]);
        let places = Places::new(&record, &queue[..1]);
        assert_eq!(places.of("b").unwrap().entry, None, "the failure is that of an earlier array");
    }

    #[test]
    fn what_was_written_is_read_and_what_is_torn_is_no_empty_record() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), folder.path());
        assert_eq!(Record::read(&layout, "toy").unwrap(), Record::default());
        files::make_folder(&layout.slurm("toy")).unwrap();
        let record = Record { arrays: vec![array("one", Some(1))], report: Some(2) };
        record.write(&layout, "toy").unwrap();
        assert_eq!(Record::read(&layout, "toy").unwrap(), record);
        fs::write(path(&layout, "toy"), "{\"arrays\": [").unwrap();
        assert!(Record::read(&layout, "toy").unwrap_err().to_string().contains("squeue --me"));
    }
}
