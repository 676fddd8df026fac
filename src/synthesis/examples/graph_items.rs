//! Prints questions of the graph engine, whole, from documents in a JSON Lines file (one `longlab_documents::Document` a line):
//! `cargo run -p longlab-synthesis --example graph_items -- documents.jsonl [count] [seed] [threads] [settings.toml]`.

use anyhow::{Context, Result};
use longlab_documents::Document;
use longlab_kernels::stream::{Address, Purpose};
use longlab_synthesis::graph::{Items, items};
use longlab_synthesis::spec::GraphSpec;
use longlab_synthesis::{Item, Proof};
use std::io::{BufRead, BufReader};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("name a file of documents, one a line as JSON")?;
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse()).context("not a number");
    let (count, seed, threads) = (number(20)?, number(7)?, number(0)?);
    let mut settings: GraphSpec = match arguments.next() {
        Some(path) => toml::from_str(&std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?)?,
        None => GraphSpec::default(),
    };
    settings.items = count;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let file = std::fs::File::open(&path).with_context(|| format!("cannot open {path}"))?;
    let lines = BufReader::new(file).lines();
    let documents: Vec<Document> = lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<_>>()?;
    let begin = std::time::Instant::now();
    let made = items(&documents, &settings, Address::new(seed as u64, Purpose::Test))?;
    eprintln!("{} documents, {} items in {:.1} s", documents.len(), made.items.len(), begin.elapsed().as_secs_f64());
    print(&made, &documents)
}

fn print(made: &Items, documents: &[Document]) -> Result<()> {
    for (at, item) in made.items.iter().enumerate() {
        print_item(at + 1, item, documents);
    }
    println!("\ndraws {}\nrejected {}", made.tally.draws, serde_json::to_string_pretty(&made.tally.rejected)?);
    println!("{}", serde_json::to_string_pretty(&made.statistics)?);
    Ok(())
}

fn print_item(number: usize, item: &Item, documents: &[Document]) {
    println!("\n## {number}. {:?}, {} facts", item.style, item.difficulty);
    println!("{}\nANSWER: {} {:?}", item.question, item.answer.text, item.answer.aliases);
    if let Proof::Path { steps, operation, asked } = &item.certificate.proof {
        println!("PROOF: {operation}");
        for (head, relation, tail, at) in steps {
            println!("  ({head})-[{relation}]-({tail})  evidence {at}");
        }
        asked.queries.iter().for_each(|query| println!("  found {}: {}", query.found, query.query));
    }
    for (at, piece) in item.certificate.evidence.iter().enumerate() {
        let document = documents.iter().find(|document| document.hash == piece.document);
        let (source, length) = document.map_or(("?", 0), |document| (document.source.as_str(), document.text.len()));
        println!("  [{at}] {source} ({length} bytes) {}..{}: {:?}", piece.span.start, piece.span.end, piece.quote);
    }
}
