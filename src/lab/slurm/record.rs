//! What was submitted of an experiment: `results/<experiment>/slurm/submitted.json`.

use super::queue::{Entry, Tasks};
use crate::lab::{LabError, Layout, files};
use serde::{Deserialize, Serialize};
use std::fs;
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

impl Array {
    /// The task of a job id.
    pub fn task(&self, id: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task == id)
    }
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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Record::default()),
            Err(source) => Err(LabError::Unreadable { path, source, mend }),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
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

    /// Where a job id stands, by the latest array that has it.
    pub fn place<'a>(&self, id: &str, queue: &'a [Entry]) -> Option<Place<'a>> {
        let found = |array: &Array| Some((array.job?, array.task(id)?));
        let (array, task) = self.arrays.iter().rev().find_map(found)?;
        let entry = queue.iter().find(|entry| entry.job == array && entry.tasks.contains(task));
        Some(Place { array, task, entry })
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
        let place = record.place("b", &queue).unwrap();
        assert_eq!((place.array, place.task, place.entry), (7, 1, Some(&queue[0])));
        assert_eq!(record.place("z", &queue), None);
        assert_eq!(record.live(&queue), [7]);
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
