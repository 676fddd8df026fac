//! `longlab report SPEC`

use super::{Exit, chosen::Chosen, wiring};
use crate::lab::experiment::{self, Plan};
use crate::lab::{Layout, files};
use crate::report::card;
use crate::spec::Experiment;
use std::fs;
use std::path::PathBuf;

/// Render the report of what has been measured so far
///
/// Runs nothing. Jobs that are not finished are named in the report. The gallery of all reports (index.html beside their folders)
/// is written again with it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab report experiments/table5.toml
  longlab report experiments/table5.toml --reports draft")]
pub(super) struct ReportArgs {
    #[command(flatten)]
    chosen: Chosen,
}

/// Writes the report of an experiment into its folder and says where.
pub(super) type Write = fn(&Experiment, &Layout) -> anyhow::Result<PathBuf>;

pub(super) fn run(args: &ReportArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.chosen.load()?;
    let plan = Plan::new(&experiment, layout)?;
    render(&experiment, &plan, layout, wiring::write_report)
}

/// Renders the report, unless the one that is there was made from the same files.
pub(super) fn renew(experiment: &Experiment, plan: &Plan, layout: &Layout, write: Write) -> anyhow::Result<Exit> {
    let stamp = experiment::stamp(experiment, plan, layout);
    let there = layout.report(&plan.name).join("report.html");
    // A report of an older version has no summary.
    let whole = there.exists() && layout.report(&plan.name).join(card::FILE).exists();
    let same = fs::read_to_string(layout.stamp(&plan.name)).is_ok_and(|old| old == stamp);
    if same && whole {
        println!("report: {} (up to date)", there.display());
        return Ok(Exit::Done);
    }
    render(experiment, plan, layout, write)
}

fn render(experiment: &Experiment, plan: &Plan, layout: &Layout, write: Write) -> anyhow::Result<Exit> {
    let path = write(experiment, layout)?;
    println!("report: {}", path.display());
    // The stamp serves to save time only; a report without results has no folder for it.
    if layout.experiment(&plan.name).exists() {
        files::write_whole(&layout.stamp(&plan.name), experiment::stamp(experiment, plan, layout).as_bytes())?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::layout;

    const SPEC: &str = "[experiment]\nname = \"toy\"\nkind = \"base\"\nseeds = [0]\n[[variant]]\nname = \"base\"\n";

    /// Adds a line to the page, so that its lines count the renderings.
    fn page(experiment: &Experiment, layout: &Layout) -> anyhow::Result<PathBuf> {
        let path = layout.report(&experiment.name).join("report.html");
        let text = fs::read_to_string(&path).unwrap_or_default() + "rendered\n";
        fs::create_dir_all(layout.report(&experiment.name))?;
        fs::write(&path, text)?;
        fs::write(path.with_file_name(card::FILE), "{}")?;
        Ok(path)
    }

    #[test]
    fn a_report_is_rendered_again_only_for_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let (results, spec) = (folder.path().join("results"), folder.path().join("toy.toml"));
        fs::write(&spec, SPEC).unwrap();
        let layout = Layout::new(&results, folder.path().join("reports"));
        let experiment = crate::spec::load(&spec).unwrap();
        let plan = Plan::new(&experiment, &layout).unwrap();
        files::make_folder(&layout.experiment("toy")).unwrap();
        let renderings = || {
            renew(&experiment, &plan, &layout, page).unwrap();
            fs::read_to_string(layout.report("toy").join("report.html")).unwrap().lines().count()
        };
        assert_eq!([renderings(), renderings()], [1, 1]);
        files::make_folder(&plan.tasks[0].dir).unwrap();
        fs::write(layout::done_json(&plan.tasks[0].dir), "{}").unwrap();
        assert_eq!([renderings(), renderings()], [2, 2], "a job ended");
        fs::write(&spec, SPEC.to_owned() + "# other words\n").unwrap();
        assert_eq!([renderings(), renderings()], [3, 3], "the spec changed");
        fs::remove_file(layout.report("toy").join("report.html")).unwrap();
        assert_eq!(renderings(), 1, "the page is gone");
        fs::remove_file(layout.report("toy").join(card::FILE)).unwrap();
        assert_eq!(renderings(), 2, "the summary is gone");
    }
}
