//! What is written can be read.

use crate::world::{World, prose};
use longlab_synthesis::dataset::{self, Choice, Manifest, stats};
use longlab_synthesis::{Engine, Proof, SynthesisError, prompt};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::fs::{self, File};
use std::path::Path;

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
    let choice = Choice { engine: Some(Engine::Dialogue), most: Some(2), id: None };
    let shown = dataset::show(&made.folder, &choice, &mut |record| {
        pages.push(dataset::page(record, true)?);
        Ok(true)
    })
    .unwrap();
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

#[test]
fn rows_go_from_items_to_parquet_to_lines_and_back() {
    let world = World::new();
    let made = world.made("out", "[engines.graph]\nitems = 8\n");
    let path = |name: &str| world.path(name);
    let convert = |from: &Path, to: &str| dataset::convert(from, None, &path(to), &|| true).unwrap();
    assert_eq!(convert(&made.folder, "a.jsonl"), made.items);
    assert_eq!(convert(&path("a.jsonl"), "b.parquet"), made.items);
    assert_eq!(convert(&path("b.parquet"), "c.jsonl"), made.items);
    assert_eq!(fs::read(path("a.jsonl")).unwrap(), fs::read(path("c.jsonl")).unwrap());
    let read = |path: &Path, split| {
        let mut rows = vec![];
        let see = &mut |row| {
            rows.push(row);
            Ok(true)
        };
        dataset::rows(path, split, see).unwrap();
        rows
    };
    for split in dataset::Split::ALL {
        let own = read(&path("b.parquet"), Some(split));
        assert!(own.len() > 3 && own.iter().all(|row| row.split() == Some(split) && row.form().is_some()));
        let parquet = made.folder.join(format!("{}.parquet", split.name()));
        assert_eq!(own, read(&parquet, None));
        assert_eq!(own, read(&made.folder, Some(split)));
    }
    let turn = read(&path("a.jsonl"), None).into_iter().find(|row| !row.extra_info.prefix.is_empty()).unwrap();
    assert!(turn.reward_model.ground_truth.starts_with(&turn.extra_info.prefix) && turn.prompt.len() > 3);
    let mut first = 0;
    dataset::rows(&made.folder, None, &mut |_| {
        first += 1;
        Ok(false)
    })
    .unwrap();
    assert_eq!(first, 1, "one row of both files, then no more");
}

#[test]
fn what_cannot_be_converted_is_named_and_leaves_nothing() {
    let world = World::new();
    let made = world.made("out", "");
    let refused = |from: &Path, to: &Path| {
        let error = dataset::convert(from, None, to, &|| true).unwrap_err();
        assert!(error.is_input(), "{error}");
        error.to_string()
    };
    let to = world.path("a.parquet");
    assert!(refused(&made.folder, &world.path("a.csv")).contains(".parquet or .jsonl"));
    assert!(refused(&made.folder.join("train.jsonl"), &made.folder.join("test.parquet")).contains("there already"));
    assert!(refused(&world.path("corpus"), &to).contains("train.jsonl"));
    assert!(refused(&world.path("nowhere.jsonl"), &to).contains("nowhere.jsonl"));
    fs::write(world.path("other.jsonl"), "{\"question\": \"Who?\"}\n").unwrap();
    let told = refused(&world.path("other.jsonl"), &to);
    assert!(told.contains("line 1") && told.contains("certificate"), "{told}");
    let stopped = dataset::convert(&made.folder, None, &to, &|| false);
    assert!(matches!(stopped, Err(SynthesisError::Stopped)));
    assert_eq!(fs::read_dir(world.path("")).unwrap().filter(|entry| is_part(entry.as_ref().unwrap())).count(), 0);
}

fn is_part(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().into_owned();
    name.starts_with("a.") || name.ends_with(".tmp")
}

#[test]
fn documents_of_one_title_are_never_asked_for_in_one_conversation() {
    let world = World::new();
    // Longer than a request names it.
    let long = format!("The Annals of {} and More", "Every Town and River ".repeat(5));
    for (number, folder) in ["first", "second", "third"].iter().enumerate() {
        world.file(&format!("{folder}/{long}.txt"), &prose(700 + number as u64, 260));
    }
    let made = world.made("out", "");
    let mut conversations = 0;
    dataset::each(&made.folder, &mut |_, record| {
        let item = record.unwrap().item;
        if let Proof::Turn { request, requests, .. } = &item.certificate.proof {
            let needle = &item.passages[requests.iter().position(|own| own == request).unwrap()];
            conversations += usize::from(needle.title == long);
            let alike = item.passages.iter().filter(|passage| passage.title == needle.title);
            assert!(alike.into_iter().all(|passage| passage.document == needle.document), "{requests:?}");
        }
        Ok(true)
    })
    .unwrap();
    assert!(conversations >= 2, "{conversations}");
}
