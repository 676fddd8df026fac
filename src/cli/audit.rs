//! `longlab audit TABLE...`

use super::{Exit, table};
use crate::audit::{self, Audit, AuditError, Level, Settings, Table};
use crate::report::card;
use crate::report::text::fixed;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Check what a published table of scores can and cannot mean
///
/// Reads CSV tables of scores and says which cells are no share of their items, which averages and differences do not follow,
/// whether cells were rounded or cut off, what stands there twice, and the smallest effect the table can show.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab audit table.csv --items docmath=800,lbv2=503,mrcr=dense
  longlab audit table.csv --items aime24=30x32                 32 answers to each of 30 questions
  longlab audit table.csv --items a=500,b=200 --average avg=a+b
  longlab audit experiments/paper/table*.csv --items-file experiments/paper/items.toml --out reports/audit

Exit codes: 0 audited, 1 something is wrong and --strict is given, 2 bad input")]
pub(super) struct AuditArgs {
    /// CSV files: a line of names, then a row for each model (or for each benchmark)
    #[arg(value_name = "TABLE", required = true)]
    tables: Vec<PathBuf>,
    /// What the columns are: NAME=800 items, NAME=30x32 items and answers to each, NAME=dense or NAME=dense:1500 for scores
    /// that are no share of right answers
    #[arg(long, value_name = "LIST")]
    items: Vec<String>,
    /// A TOML file of the same: [items] and [averages]
    #[arg(long, value_name = "FILE")]
    items_file: Option<PathBuf>,
    /// An average and its parts [default: the columns behind a column named avg, average, mean or overall]
    #[arg(long, value_name = "NAME=A+B")]
    average: Vec<String>,
    /// Scores run from 0 to 1 instead of 0 to 100
    #[arg(long)]
    shares: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write the findings as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the report into a folder: report.md, report.html, summary.json, findings.csv, cells.csv, differences.csv
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// End with 1 if anything is wrong
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: &AuditArgs) -> Result<Exit> {
    let (audits, settings) = match audits(args) {
        Ok(done) => done,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(Exit::Usage);
        }
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&audits)? + "\n",
        false => audits.iter().map(human).collect(),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(path) = &args.csv {
        write(path, &audit::findings_csv(&audits))?;
    }
    if let Some(out) = &args.out {
        report(out, &audits, &settings)?;
    }
    let wrong = audits.iter().any(|audit| audit.count(Level::Wrong) > 0);
    Ok(if args.strict && wrong { Exit::Failed } else { Exit::Done })
}

fn audits(args: &AuditArgs) -> Result<(Vec<Audit>, Settings)> {
    let settings = settings(args)?;
    let tables: Vec<Table> = args.tables.iter().map(|path| read(path, &settings)).collect::<Result<_>>()?;
    settings.must_be_known(&tables.iter().collect::<Vec<_>>())?;
    let audits: Result<Vec<Audit>, AuditError> =
        tables.into_iter().map(|table| audit::audit(table, &settings)).collect();
    Ok((audits?, settings))
}

fn settings(args: &AuditArgs) -> Result<Settings> {
    let mut settings = Settings::new(args.shares);
    for list in &args.items {
        settings.items.add_list(list)?;
    }
    for average in &args.average {
        settings.add_average(average)?;
    }
    if let Some(path) = &args.items_file {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        settings.add_file(&path.display().to_string(), &text)?;
    }
    Ok(settings)
}

fn read(path: &Path, settings: &Settings) -> Result<Table> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(Table::parse(&name, &bytes, settings)?)
}

const TITLE: &str = "What the tables can and cannot mean";

fn report(out: &Path, audits: &[Audit], settings: &Settings) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let (markdown, html) = audit::report(TITLE, audits, settings);
    let files = [
        ("report.html", html),
        ("report.md", markdown),
        ("findings.csv", audit::findings_csv(audits)),
        ("cells.csv", audit::cells_csv(audits)),
        ("differences.csv", audit::differences_csv(audits)),
    ];
    files.iter().try_for_each(|(name, text)| write(&out.join(name), text))?;
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let card = audit::card(TITLE, audits, &names);
    let path = out.join(card::FILE);
    crate::files::write_whole(&path, &card.bytes()).with_context(|| format!("cannot write {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    crate::files::write_whole(path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

/// An audit as text for a terminal.
fn human(audit: &Audit) -> String {
    let (name, rows, columns) = (&audit.table.name, audit.table.rows.len(), audit.table.columns.len());
    let (wrong, odd) = (audit.count(Level::Wrong), audit.count(Level::Odd));
    let mut text = format!("{name}: {rows} rows, {columns} columns of numbers; {wrong} wrong, {odd} odd\n");
    for one in &audit.findings {
        let place = one.place.map_or(String::new(), |at| format!(" line {}, column {}:", at.line, at.field));
        let of = [one.row.as_deref(), one.column.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {} {}{place} {of}: {}", one.level.word(), one.check.word(), one.message);
    }
    let _ = writeln!(text, "  rounding: {}", audit.convention.words());
    for note in &audit.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    if !audit.effects.columns.is_empty() {
        text += "\n  What it can show, in points (one answer a question, two-sided 5%, power 80%; docs/audit.md)\n";
        text.extend(effects(audit).lines().map(|line| format!("  {line}\n")));
    }
    text + "\n"
}

fn effects(audit: &Audit) -> String {
    let points = |value: Option<f64>| value.map_or("-".into(), |value| fixed(value, 2));
    let rows = audit.effects.columns.iter().map(|effect| {
        let reached = |reach| audit.effects.count(effect.column, reach).to_string();
        let numbers =
            [Some(effect.mean), Some(effect.error), Some(effect.difference_error), effect.apart, effect.paired];
        let counts = [audit::Reach::Apart, audit::Reach::OnlyPaired, audit::Reach::Below].map(reached);
        let mark = if effect.unknown.is_empty() { "" } else { " (at least)" };
        let name = format!("{}{mark}", audit.table.columns[effect.column]);
        [name].into_iter().chain(numbers.map(points)).chain(counts).collect()
    });
    let header = ["column", "mean", "error", "of a difference", "apart", "paired", "reached", "if paired", "not"];
    table::render(&header, &rows.collect::<Vec<_>>(), &[1, 2, 3, 4, 5, 6, 7, 8])
}
