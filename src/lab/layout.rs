//! Where everything lies: the paths of `results/` and `reports/`.

use std::path::{Path, PathBuf};

/// The folders of one laboratory.
///
/// ```
/// use longlab::lab::Layout;
/// let layout = Layout::new("results", "reports");
/// assert_eq!(layout.job("0badcafe"), std::path::Path::new("results/jobs/0badcafe"));
/// assert_eq!(layout.jobs_csv("table5"), std::path::Path::new("results/table5/jobs.csv"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    results: PathBuf,
    reports: PathBuf,
}

impl Layout {
    /// The layout below a results folder and a reports folder.
    pub fn new(results: impl Into<PathBuf>, reports: impl Into<PathBuf>) -> Layout {
        Layout { results: results.into(), reports: reports.into() }
    }

    /// The results folder.
    pub fn results(&self) -> &Path {
        &self.results
    }

    /// `results/jobs`: every job of every experiment, by id.
    pub fn jobs(&self) -> PathBuf {
        self.results.join("jobs")
    }

    /// `results/jobs/<id>`.
    pub fn job(&self, id: &str) -> PathBuf {
        self.jobs().join(id)
    }

    /// `results/<experiment>`.
    pub fn experiment(&self, name: &str) -> PathBuf {
        self.results.join(name)
    }

    /// `results/<experiment>/jobs.csv`: variant, seed, id, status.
    pub fn jobs_csv(&self, name: &str) -> PathBuf {
        self.experiment(name).join("jobs.csv")
    }

    /// `results/<experiment>/report.stamp`: the hash of what the last report was made from.
    pub fn stamp(&self, name: &str) -> PathBuf {
        self.experiment(name).join("report.stamp")
    }

    /// `results/<experiment>/slurm`: what was submitted to Slurm, its scripts and what they wrote.
    pub fn slurm(&self, name: &str) -> PathBuf {
        self.experiment(name).join("slurm")
    }

    /// `reports/<experiment>`.
    pub fn report(&self, name: &str) -> PathBuf {
        self.reports.join(name)
    }

    /// The reports folder.
    pub fn reports(&self) -> &Path {
        &self.reports
    }
}

/// `job.json`: everything the job process needs.
pub fn job_json(dir: &Path) -> PathBuf {
    dir.join("job.json")
}

/// `provenance.json`: machine, versions, date.
pub fn provenance_json(dir: &Path) -> PathBuf {
    dir.join("provenance.json")
}

/// `done.json`: written last; its presence means finished.
pub fn done_json(dir: &Path) -> PathBuf {
    dir.join("done.json")
}

/// `metrics.csv`: what each step measured.
pub fn metrics_csv(dir: &Path) -> PathBuf {
    dir.join("metrics.csv")
}

/// `timing.csv`: the seconds of each step.
pub fn timing_csv(dir: &Path) -> PathBuf {
    dir.join("timing.csv")
}

/// `log.txt`: what the job process wrote to its standard error.
pub fn log_txt(dir: &Path) -> PathBuf {
    dir.join("log.txt")
}
