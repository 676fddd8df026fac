//! `longlab keys`

use super::Exit;
use crate::spec::{KEYS, Key};
use std::io::Write;

/// List the settings a spec may hold
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab keys              all of them
  longlab keys aepo         those that begin with `aepo`
  longlab keys train.steps  one of them
  longlab keys --schema     the JSON Schema of an experiment file, for editors")]
pub(super) struct KeysArgs {
    /// Show the keys that begin with this
    #[arg(value_name = "PREFIX", default_value = "")]
    prefix: String,
    /// Print the JSON Schema of an experiment file (docs/experiment.schema.json)
    #[arg(long, conflicts_with = "prefix")]
    schema: bool,
}

pub(super) fn run(args: &KeysArgs) -> anyhow::Result<Exit> {
    if args.schema {
        std::io::stdout().write_all(crate::spec::schema().as_bytes())?;
        return Ok(Exit::Done);
    }
    let keys: Vec<&Key> = KEYS.iter().filter(|key| key.path.starts_with(&args.prefix)).collect();
    if keys.is_empty() {
        let near = Key::nearest(&args.prefix).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        eprintln!("error: no key begins with `{}`{near}", args.prefix);
        return Ok(Exit::Usage);
    }
    let text: String = keys.into_iter().map(describe).collect();
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// `train.steps = 40` and, below it, what the key means, may hold, and where its default comes from.
fn describe(key: &Key) -> String {
    let unit = if key.unit.is_empty() { String::new() } else { format!(", {}", key.unit) };
    let allowed = match (key.choices, key.range) {
        ([], None) => String::new(),
        ([], Some((low, high))) => format!(", {low} to {high}"),
        (choices, _) => format!(": {}", choices.join(" | ")),
    };
    let lines = [format!("{}{allowed}{unit}", key.kind), format!("source: {}", key.source)];
    format!("{} = {}\n    {}\n    {}\n    {}\n\n", key.path, key.default(), key.doc, lines[0], lines[1])
}
