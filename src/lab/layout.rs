//! Where everything lies: the paths of `results/` and `reports/`.

use std::path::{Component, Path, PathBuf};

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

    /// The way from the report of an experiment to the job folders, as a link: `../../results/jobs`.
    pub fn jobs_link(&self, name: &str) -> String {
        link(&self.report(name), &self.jobs()).unwrap_or_else(|| self.jobs().display().to_string())
    }

    /// The reports folder.
    pub fn reports(&self) -> &Path {
        &self.reports
    }
}

/// The way from one folder to another; none where it cannot be told from their names.
fn link(from: &Path, to: &Path) -> Option<String> {
    let (from, to) = (std::path::absolute(from).ok()?, std::path::absolute(to).ok()?);
    let shared = from.components().zip(to.components()).take_while(|(left, right)| left == right).count();
    let up = from.components().skip(shared);
    // `..` in a path may lead anywhere once links are followed.
    if from.components().chain(to.components()).any(|part| part == Component::ParentDir) {
        return None;
    }
    let up = up.map(|_| "..".to_owned());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_a_report_to_the_jobs() {
        assert_eq!(Layout::new("results", "reports").jobs_link("table5"), "../../results/jobs");
        assert_eq!(Layout::new("/a/results", "/a/b/reports").jobs_link("x"), "../../../results/jobs");
        assert_eq!(Layout::new("/a/../results", "/a/reports").jobs_link("x"), "/a/../results/jobs");
    }
}
