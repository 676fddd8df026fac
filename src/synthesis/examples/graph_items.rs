//! Prints questions of the graph engine, whole, from documents in a JSON Lines file (one `longlab_documents::Document` a line):
//! `cargo run -p longlab-synthesis --example graph_items -- documents.jsonl [count] [seed] [threads] [settings.toml]`.

use anyhow::{Context, Result};
use longlab_documents::Document;
use longlab_kernels::stream::{Address, Purpose};
use longlab_synthesis::graph::{GraphSettings, Items, items};
use longlab_synthesis::{Item, Proof};
use std::io::{BufRead, BufReader};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("name a file of documents, one a line as JSON")?;
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse()).context("not a number");
    let (count, seed, threads) = (number(20)?, number(7)?, number(0)?);
    let settings = match arguments.next() {
        Some(path) => toml::from_str(&std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?)?,
        None => GraphSettings::default(),
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let file = std::fs::File::open(&path).with_context(|| format!("cannot open {path}"))?;
    let lines = BufReader::new(file).lines();
    let documents: Vec<Document> = lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<_>>()?;
    let begin = std::time::Instant::now();
    let made = items(&documents, &settings, Address::new(seed as u64, Purpose::Test), count)?;
    eprintln!("{} documents, {} items in {:.1} s", documents.len(), made.items.len(), begin.elapsed().as_secs_f64());
    print(&made)
}

fn print(made: &Items) -> Result<()> {
    for (at, (item, matches)) in made.items.iter().zip(&made.matches).enumerate() {
        print_item(at + 1, item);
        for found in matches {
            println!("  found {}: {}", found.found, found.query);
        }
    }
    println!("\ndraws {}\nrejected {}", made.draws, serde_json::to_string_pretty(&made.rejected)?);
    println!("{}", serde_json::to_string_pretty(&made.statistics)?);
    Ok(())
}

fn print_item(number: usize, item: &Item) {
    println!("\n## {number}. {:?}, {} facts", item.style, item.difficulty);
    println!("{}\nANSWER: {} {:?}", item.question, item.answer.text, item.answer.aliases);
    if let Proof::Path { steps, operation } = &item.certificate.proof {
        println!("PROOF: {operation}");
        for (head, relation, tail, at) in steps {
            println!("  ({head})-[{relation}]-({tail})  evidence {at}");
        }
    }
    for (at, piece) in item.certificate.evidence.iter().enumerate() {
        let passage = item.passages.iter().find(|passage| passage.document == piece.document);
        let (title, length) = passage.map_or(("?", 0), |passage| (passage.title.as_str(), passage.text.len()));
        println!("  [{at}] {title} ({length} bytes) {}..{}: {:?}", piece.span.start, piece.span.end, piece.quote);
    }
}
