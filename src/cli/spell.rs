//! `longlab spell SPEC`

use super::{Exit, run};
use crate::lab::Layout;
use crate::lab::experiment::Plan;
use crate::report::game::{self, Job};
use crate::rl::play;
use crate::spec::Experiment;
use std::io::Write;

/// Run an experiment in self-play and show the game
///
/// One policy poses questions over documents, answers them and judges the answers; all three roles learn from one update (SPELL, docs/spell.md).
/// This is `longlab run` for experiments whose variants set `spell.learn`, and what came of questions, answers and votes after it: game.md and
/// game.csv beside the report. Every question with its responses and rewards lies in the job's folder, selfplay/<step>.jsonl.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab spell experiments/spell.toml
  longlab spell experiments/spell.toml --jobs 2 --progress plain 2> run.log
  longlab spell experiments/spell.toml --show --questions 10      what is there so far; nothing is run
  longlab spell experiments/spell.toml --show --json | jq '.[].last_quarter.sound'
  jq -r 'select(.fate == \"open\").question' results/jobs/<id>/selfplay/000040.jsonl")]
pub(super) struct SpellArgs {
    #[command(flatten)]
    run: run::RunArgs,
    /// Run nothing; show the game so far
    #[arg(long)]
    show: bool,
    /// Questions of the first and the last step that are shown of each variant
    #[arg(long, value_name = "N", default_value_t = 4)]
    questions: usize,
    /// Print the game as JSON in place of tables
    #[arg(long, requires = "show")]
    json: bool,
}

pub(super) fn run(args: &SpellArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.run.chosen.load()?;
    if !experiment.variants.iter().any(|variant| play::is_on(&variant.settings)) {
        eprintln!(
            "error: no variant of `{}` plays; set \"spell.learn\" = \"all\" in one, as experiments/spell.toml does",
            experiment.name
        );
        return Ok(Exit::Usage);
    }
    let ended = if args.show { Exit::Done } else { run::run(&args.run, layout)? };
    let all = game::gather(&jobs(&experiment, layout)?)?;
    let mut out = std::io::stdout();
    if all.is_empty() {
        writeln!(out, "no step was played yet")?;
    } else if args.json {
        writeln!(out, "{:#}", game::as_json(&all))?;
    } else if args.show {
        write!(out, "{}", game::page(&experiment.title, &all, args.questions)?)?;
    } else {
        let path = game::write(&experiment.title, &all, args.questions, &layout.report(&experiment.name))?;
        writeln!(out, "game: {}", path.display())?;
    }
    Ok(ended)
}

/// The jobs of the variants that play.
fn jobs(experiment: &Experiment, layout: &Layout) -> anyhow::Result<Vec<Job>> {
    let plan = Plan::new(experiment, layout)?;
    let plays = plan.jobs.iter().filter(|job| play::is_on(&job.settings));
    Ok(plays.map(|job| Job { variant: job.variant.clone(), seed: job.seed, dir: layout.job(&job.id) }).collect())
}
