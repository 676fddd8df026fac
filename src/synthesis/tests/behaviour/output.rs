//! What is written can be read.

use crate::world::World;
use longlab_synthesis::dataset::{self, Choice, Manifest, stats};
use longlab_synthesis::{Engine, Proof, prompt};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::fs::File;

fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    match row.get_column_iter().find(|(own, _)| *own == name).map(|(_, field)| field) {
        Some(Field::Str(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

fn group<'a>(row: &'a Row, name: &str) -> &'a Row {
    match row.get_column_iter().find(|(own, _)| *own == name).map(|(_, field)| field) {
        Some(Field::Group(group)) => group,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn parquet_has_the_messages_answers_and_numbers_of_the_lines() {
    let world = World::new();
    let made = world.made("out", "[engines.graph]\nitems = 8\n");
    let mut rows = vec![];
    for split in ["train", "test"] {
        let file = File::open(made.folder.join(format!("{split}.parquet"))).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        rows.extend(reader.get_row_iter(None).unwrap().map(|row| row.unwrap()));
    }
    let (mut at, mut turns) = (0, 0);
    dataset::each(&made.folder, &mut |_, record| {
        let (record, row) = (record.unwrap(), &rows[at]);
        let item = &record.item;
        let Some((_, Field::ListInternal(list))) = row.get_column_iter().find(|(name, _)| *name == "prompt") else {
            panic!("no prompt")
        };
        let messages = prompt::messages(item).unwrap();
        assert_eq!(list.elements().len(), messages.len());
        for (field, message) in list.elements().iter().zip(&messages) {
            let Field::Group(own) = field else { panic!("{field:?}") };
            assert_eq!((text(own, "role"), text(own, "content")), (message.role.as_str(), message.content.as_str()));
        }
        turns += usize::from(messages.len() > 1);
        assert_eq!(text(group(row, "reward_model"), "ground_truth"), item.answer.text);
        assert_eq!(text(row, "data_source"), format!("test/{}", item.form.name()));
        let extra = group(row, "extra_info");
        assert_eq!((text(extra, "id"), text(extra, "split")), (item.id.0.as_str(), record.placed.split.name()));
        at += 1;
        Ok(true)
    })
    .unwrap();
    assert!(at == rows.len() && at == made.items && turns >= 5, "{at} {turns}");
}

#[test]
fn statistics_and_card_say_what_is_there() {
    let world = World::new();
    let made = world.made("out", "");
    let counted = stats(&made.folder).unwrap();
    assert_eq!(counted.items, made.items);
    assert_eq!(counted.by["engine"].values().sum::<usize>(), made.items);
    let card = std::fs::read_to_string(made.folder.join("card.md")).unwrap();
    assert!(card.contains(&format!("{} questions", made.items)) && card.contains("published (Figure 3)"));
    let funnel = std::fs::read_to_string(made.folder.join("funnel.md")).unwrap();
    assert!(funnel.contains("14,174 items kept") && funnel.contains("| dialogue | tries |"), "{funnel}");
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(made.folder.join("dataset.json")).unwrap()).unwrap();
    assert_eq!(manifest.items.values().sum::<usize>(), made.items);
    assert!(manifest.tokenizer.is_some() && manifest.files.contains_key("train.parquet"));
}

#[test]
fn items_are_shown_by_engine_and_whole() {
    let world = World::new();
    let made = world.made("out", "");
    let mut pages = vec![];
    let choice = Choice { engine: Some(Engine::Dialogue), most: Some(2), whole: true, id: None };
    let shown = dataset::show(&made.folder, &choice, &mut |page| pages.push(page.to_string())).unwrap();
    assert_eq!((shown, pages.len()), (2, 2));
    assert!(pages.iter().all(|page| page.contains("### assistant") && page.contains("**Answer.**")));
}

#[test]
fn alike_requests_have_different_replies_from_one_document_and_others_come_between() {
    let world = World::new();
    let made = world.made("out", "");
    let mut seen = 0;
    dataset::each(&made.folder, &mut |_, record| {
        let item = record.unwrap().item;
        if let Proof::Turn { turn, of, prefix, request, requests } = &item.certificate.proof {
            let alike = || requests.iter().zip(&item.passages).filter(|(own, _)| *own == request);
            assert_eq!((alike().count(), requests.len()), (*of, item.passages.len()));
            assert!(requests.len() > *of && item.answer.text.starts_with(prefix));
            let said = alike().nth(turn - 1).unwrap().1;
            assert_eq!(item.answer.text[prefix.len()..], said.text);
            seen += 1;
        }
        Ok(true)
    })
    .unwrap();
    assert!(seen >= 5);
}

#[test]
#[ignore = "needs a Python with pyarrow or datasets, named by LONGLAB_PARQUET_PYTHON"]
fn others_read_the_parquet() {
    let python = std::env::var("LONGLAB_PARQUET_PYTHON").unwrap();
    let world = World::new();
    let made = world.made("out", "[engines.graph]\nitems = 8\n");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check_parquet.py");
    let mut command = std::process::Command::new(python);
    command.arg(script).arg(&made.folder).args(std::env::var("LONGLAB_PARQUET_TOKENIZER").ok());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("rows"), "{said}");
    println!("{said}");
}
