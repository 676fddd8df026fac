//! `longlab export SPEC`

use super::{Exit, chosen::Chosen, needs::NeedsArgs};
use crate::lab::experiment::{self, Plan};
use crate::lab::export::{self, Cluster};
use crate::lab::{Layout, files};
use anyhow::{Result, ensure};
use std::io::Write;
use std::path::PathBuf;

/// Write the unfinished jobs of an experiment as a file for another scheduler
///
/// The job directories are made, so that each job is one command, `longlab job DIR`; a job that is started twice refuses the second
/// process, and one that was cut off goes on from its checkpoint. `longlab report SPEC` renders what they leave.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab export experiments/table5.toml --to hyperqueue --out table5.hq.toml && hq job submit-file table5.hq.toml
  longlab export experiments/table5.toml --to kubernetes --image registry/longlab:1 --volume lab | kubectl apply -f -")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// The scheduler
    #[arg(long, value_enum)]
    to: Target,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    needs: NeedsArgs,
    /// The command that starts longlab on a node (hyperqueue)
    #[arg(long, value_name = "COMMAND", default_value = "./lab")]
    program: String,
    /// Container image with longlab on its path (kubernetes)
    #[arg(long, value_name = "IMAGE", required_if_eq("to", "kubernetes"))]
    image: Option<String>,
    /// Persistent volume claim of the working directory (kubernetes)
    #[arg(long, value_name = "CLAIM", required_if_eq("to", "kubernetes"))]
    volume: Option<String>,
    /// Pods side by side (kubernetes)
    #[arg(long, value_name = "N", default_value_t = 8)]
    parallelism: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// A HyperQueue job definition file (TOML)
    Hyperqueue,
    /// A Kubernetes Indexed Job (JSON)
    Kubernetes,
}

pub(super) fn run(args: &ExportArgs, layout: &Layout) -> Result<Exit> {
    let experiment = args.chosen.load()?;
    let plan = Plan::new(&experiment, layout)?;
    let open = plan.open().len();
    ensure!(open > 0, "all {} jobs of {} are finished; there is nothing to export", plan.tasks.len(), plan.name);
    experiment::prepare_all(&plan, layout)?;
    let needs = args.needs.over(&experiment.resources);
    let text = match args.to {
        Target::Hyperqueue => {
            let program: Vec<String> = args.program.split_whitespace().map(str::to_owned).collect();
            export::hyperqueue(&plan, &program, &needs)?
        }
        Target::Kubernetes => {
            let list = layout.experiment(&plan.name).join("open.txt");
            files::write_whole(&list, export::job_list(&plan).as_bytes())?;
            let cluster = Cluster {
                image: args.image.clone().unwrap_or_default(),
                volume: args.volume.clone().unwrap_or_default(),
                parallelism: args.parallelism,
            };
            format!("{:#}\n", export::kubernetes(&plan, &list.to_string_lossy(), &needs, &cluster))
        }
    };
    match &args.out {
        Some(path) => files::write_whole(path, text.as_bytes())?,
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    eprintln!("{open} of {} jobs are open", plan.tasks.len());
    Ok(Exit::Done)
}
