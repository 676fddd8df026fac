//! Makes a dataset of real documents, verifies it, and shows what is in it.
//!
//!     synth run SPEC [THREADS] | synth verify FOLDER [TOKENIZER] | synth stats FOLDER | synth show FOLDER [ENGINE] [ITEMS]

use longlab_synthesis::dataset::{self, Choice};
use longlab_synthesis::funnel::Counts;
use longlab_synthesis::verify::verify;
use longlab_synthesis::{Engine, Observer, Options, Spec, Standard, run};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Tells on standard error what ends when.
struct Told(Instant);

impl Observer for Told {
    fn ended(&mut self, stage: &str, counts: &Counts, cached: bool) {
        let seconds = self.0.elapsed().as_secs_f64();
        eprintln!(
            "{seconds:8.1} s {:8.1} s of processor  {stage}: {} of {} kept{}",
            processor_seconds(),
            counts.kept,
            counts.taken,
            if cached { " (found)" } else { "" }
        );
    }
}

/// Processor time of this process so far: fields 14 and 15 of Linux's `stat`, in hundredths of a second. 0 elsewhere.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split(' ').skip(12).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match answer(&arguments) {
        Ok(sound) => ExitCode::from(u8::from(!sound)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(arguments: &[&str]) -> Result<bool, Box<dyn std::error::Error>> {
    match arguments {
        ["run", spec, threads @ ..] => {
            let spec = Spec::read(Path::new(spec))?;
            let threads = threads.first().map(|threads| threads.parse()).transpose()?;
            let standard = Standard::new(&spec)?;
            let made = run(&spec, &Options { threads, again: false }, &standard.tools(), &mut Told(Instant::now()))?;
            println!("{} items in {}\n\n{}", made.items, made.folder.display(), made.funnel.markdown());
            Ok(true)
        }
        ["verify", folder, tokenizer @ ..] => {
            let report = verify(Path::new(folder), tokenizer.first().map(Path::new))?;
            println!(
                "{} of {} items sound, {} documents, {} uncounted",
                report.sound, report.items, report.documents, report.uncounted
            );
            for finding in report.findings.iter().take(20) {
                println!("{}:{} {} {}", finding.file, finding.line, finding.found.fault, finding.found.detail);
            }
            Ok(report.is_sound())
        }
        ["stats", folder] => {
            println!("{}", dataset::stats(Path::new(folder))?.markdown());
            Ok(true)
        }
        ["show", folder, rest @ ..] => {
            let engine = rest.first().and_then(|name| Engine::ALL.into_iter().find(|engine| engine.name() == *name));
            let most = rest.get(1).map(|most| most.parse()).transpose()?;
            let choice = Choice { engine, most: most.or(Some(5)), ..Choice::default() };
            dataset::show(Path::new(folder), &choice, &mut |record| {
                println!("{}", dataset::page(record, false)?);
                Ok(true)
            })?;
            Ok(true)
        }
        _ => {
            Err("synth run SPEC [THREADS] | verify FOLDER [TOKENIZER] | stats FOLDER | show FOLDER [ENGINE] [ITEMS]"
                .into())
        }
    }
}
