//! Prints what a reader makes of one file: `cargo run -p longlab-documents --example show -- FILE [CHARACTERS]`.

use longlab_documents::{Filter, Reader};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(file) = arguments.next() else {
        eprintln!("which file? show FILE [CHARACTERS]");
        return ExitCode::from(2);
    };
    let most = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(2000);
    let reading = match Reader::default().read_file(Path::new(&file), &file) {
        Ok(reading) => reading,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{} {:?} {:?}", reading.format, reading.encoding, reading.remarks);
    for document in &reading.documents {
        let text: String = document.text.chars().take(most).collect();
        println!("== {} ({:?}) {}\n{text}", document.source, document.kind, document.title);
        println!("-- filter: {:?}", Filter::default().reason(document));
        document
            .sections
            .iter()
            .take(12)
            .for_each(|section| println!("-- section {} {}", section.level, section.title));
        for table in document.tables.iter().take(3) {
            let row = |row: &[longlab_documents::Cell]| row.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>();
            println!(
                "-- table {:?} {:?} {} rows, {:?}",
                table.title,
                row(&table.head),
                table.rows.len(),
                table.rows.first().map(|r| row(r))
            );
        }
        document.links.iter().take(8).for_each(|link| println!("-- link {:?} {}", link.text, link.target));
        document
            .notes
            .iter()
            .take(12)
            .for_each(|note| println!("-- note {:?} {} {:?}", note.subject, note.relation, note.object));
    }
    ExitCode::SUCCESS
}
