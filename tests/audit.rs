//! `longlab audit`: what it must find in the tables of QwenLong-L1.5, what it must find when it is planted, and that a sound table
//! gives nothing.

use longlab::audit::average::{Average, Reading};
use longlab::audit::grid::{Fit, GridCell};
use longlab::audit::whole::Follows;
use longlab::audit::{Audit, AuditError, Check, Level, Metric, Printed, Settings, Table, audit, smallest_effect};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PAPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/paper");

fn paper_settings() -> Settings {
    let mut settings = Settings::default();
    let text = fs::read_to_string(Path::new(PAPER).join("items.toml")).expect("items.toml");
    settings.add_file("items.toml", &text).expect("counts");
    settings
}

fn paper(number: u32) -> Audit {
    let settings = paper_settings();
    let name = format!("table{number}.csv");
    let bytes = fs::read(Path::new(PAPER).join(&name)).expect("a table");
    audit(Table::parse(&name, &bytes, &settings).expect("a table"), &settings).expect("an audit")
}

fn settings(items: &str) -> Settings {
    let mut settings = Settings::default();
    settings.items.add_list(items).expect("counts");
    settings
}

fn of(csv: &str, items: &str) -> Audit {
    let settings = settings(items);
    audit(Table::parse("t.csv", csv.as_bytes(), &settings).expect("a table"), &settings).expect("an audit")
}

fn column(audit: &Audit, name: &str) -> usize {
    audit.table.column(name).unwrap_or_else(|| panic!("no {name} in {:?}", audit.table.columns))
}

/// Cells that are no share, as (row name, column name, digits).
fn off(audit: &Audit) -> Vec<(&str, &str, String)> {
    let none = audit.grid.iter().filter(|cell| matches!(cell.fit, Fit::None { .. }));
    none.map(|cell| (name(audit, cell), audit.table.columns[cell.column].as_str(), cell.printed.to_string())).collect()
}

fn name<'a>(audit: &'a Audit, cell: &GridCell) -> &'a str {
    &audit.table.rows[cell.row]
}

fn the_average(audit: &Audit) -> &Average {
    assert_eq!(audit.averages.len(), 1, "{:?}", audit.averages);
    &audit.averages[0]
}

/// Rows whose average does not follow, as (row name, printed, mean of the cells).
fn lost(audit: &Audit) -> Vec<(&str, f64, f64)> {
    let rows = the_average(audit).rows.iter().filter(|row| row.readings.is_empty());
    rows.map(|row| (audit.table.rows[row.row].as_str(), row.printed.value(), row.mean)).collect()
}

#[test]
fn the_averages_of_tables_2_4_5_and_10_follow_and_some_were_cut_off() {
    let audits = [2, 4, 5, 10].map(paper);
    for audit in &audits {
        assert!(lost(audit).is_empty(), "{:?}", lost(audit));
        assert_eq!(the_average(audit).parts.len(), 6, "the memory agent's column is no part of the average");
    }
    let gap = audits.iter().map(|audit| the_average(audit).largest_gap()).fold(0.0, f64::max);
    assert!((gap - 0.0083).abs() < 5e-5, "largest gap {gap}");
    let not_rounded = |audit: &Audit, digits: &str| {
        let rows = &the_average(audit).rows;
        let row = rows.iter().find(|row| row.printed.to_string() == digits).expect("the row");
        (row.readings.contains(&Reading::Rounded), row.readings.contains(&Reading::Cut), row.mean)
    };
    for (audit, digits, mean) in [(0, "56.86", 56.867), (0, "57.45", 57.458), (3, "61.92", 61.928)] {
        let (rounded, cut, own) = not_rounded(&audits[audit], digits);
        assert!(!rounded && cut && (own - mean).abs() < 1e-3, "{digits}: {rounded} {cut} {own}");
    }
}

#[test]
fn two_averages_of_table_7_do_not_follow() {
    let audit = paper(7);
    let lost = lost(&audit);
    assert_eq!(lost.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["GPT-5", "GPT-5-Nano"]);
    for ((_, printed, mean), (own, cells)) in lost.iter().zip([(74.74, 74.597), (57.06, 57.075)]) {
        assert!((printed - own).abs() < 1e-9 && (mean - cells).abs() < 1e-3, "{printed} {mean}");
    }
    assert!(audit.deltas.iter().flat_map(|delta| &delta.cells).all(|cell| cell.follows));
    assert_eq!(audit.deltas[0].cells.len(), 7);
}

#[test]
fn the_differences_of_table_8_are_right_and_its_counts_fit() {
    let audit = paper(8);
    assert!(audit.table.turned, "it has a row for each benchmark");
    assert_eq!(audit.deltas.len(), 1);
    assert_eq!(audit.deltas[0].cells.len(), 9);
    assert!(audit.deltas[0].cells.iter().all(|cell| cell.follows && cell.exact));
    assert!(off(&audit).is_empty(), "{:?}", off(&audit));
    // Memory-Sum is the mean of the three backends.
    assert!(lost(&audit).is_empty());
    assert_eq!(audit.table.columns[the_average(&audit).column], "Memory-Sum");
    // That each problem of AIME was answered 32 times follows from the digits; once does not do.
    let settings = settings("AIME24=30,AIME25=30");
    let bytes = fs::read(Path::new(PAPER).join("table8.csv")).expect("a table");
    let once =
        longlab::audit::audit(Table::parse("t", &bytes, &settings).expect("a table"), &settings).expect("an audit");
    assert!(once.grid.iter().any(|cell| matches!(cell.fit, Fit::None { .. })));
}

#[test]
fn two_differences_of_table_11_do_not_follow() {
    let audit = paper(11);
    let wrong = audit.deltas.iter().flat_map(|delta| &delta.cells).filter(|cell| !cell.follows);
    let wrong: Vec<_> = wrong.map(|cell| (cell.name.as_str(), cell.printed.value(), cell.expected.value())).collect();
    assert_eq!(wrong, [("hard", 5.49, 5.46), ("long", 2.87, 2.78)]);
}

#[test]
fn the_parts_of_table_11_add_up_once_unanswered_questions_are_left_out() {
    let audit = paper(11);
    let parts: Vec<usize> = audit.wholes.iter().map(|whole| whole.parts.len()).collect();
    assert_eq!(parts, [2, 3], "easy and hard; short, medium and long");
    let mut left = Vec::new();
    for row in 0..5 {
        let follows: Vec<&Follows> = audit.wholes.iter().map(|whole| &whole.rows[row].follows).collect();
        match follows[..] {
            [Follows::Counts, Follows::Counts] => left.push(0),
            [Follows::Fewer { whole: a, left_out, .. }, Follows::Fewer { whole: b, .. }] => {
                assert_eq!(a, b, "both divisions give the same");
                left.push(*left_out);
            }
            _ => panic!("{}: {follows:?}", audit.table.rows[row]),
        }
    }
    // All models from elsewhere, neither of the paper's own.
    assert_eq!(left, [10, 7, 1, 0, 0]);
}

#[test]
fn table_12_repeats_a_row_whose_average_is_another() {
    let audit = paper(12);
    let lost = lost(&audit);
    assert_eq!(lost.len(), 1);
    let (name, printed, mean) = lost[0];
    assert_eq!(name, "QwenLong-L1.5-30B-A3B");
    assert!((printed - 70.40).abs() < 1e-9 && (mean - 71.28).abs() < 5e-3, "{printed} {mean}");
    let whole: Vec<_> = audit.repeats.rows.iter().filter(|pair| pair.equal == pair.cells).collect();
    assert_eq!(whole.len(), 1);
    assert_eq!((whole[0].equal, &*audit.table.rows[whole[0].rows.0]), (5, "Gemini-2.5-Pro"));
    assert_eq!(audit.table.rows[whole[0].rows.1], name);
}

#[test]
fn docmath_ends_in_26_where_no_share_of_800_does() {
    let mut cells: Vec<String> = Vec::new();
    for audit in [7, 10].map(paper) {
        let docmath = off(&audit).into_iter().filter(|(_, column, _)| *column == "docmath");
        cells.extend(docmath.map(|(_, _, digits)| digits).filter(|digits| digits.ends_with(".26")));
        for cell in audit.grid.iter().filter(|cell| cell.printed.to_string().ends_with(".26") && cell.trials == 800) {
            let Fit::None { near, .. } = &cell.fit else { panic!("{} of 800", cell.printed) };
            assert_eq!(near[0].1.units, cell.printed.units - 1, "a hundredth below there is a share");
        }
    }
    cells.sort();
    assert_eq!(cells, ["62.26", "62.26", "66.26", "66.26"]);
    let stage_3 = paper(10);
    let docmath = column(&stage_3, "docmath");
    let cell = stage_3.grid.iter().find(|cell| name(&stage_3, cell).contains("Stage-3") && cell.column == docmath);
    assert!(matches!(cell.expect("the cell").fit, Fit::Share { least: 530, most: 530, .. }));
}

#[test]
fn scores_fit_one_answer_a_question() {
    let per_table: Vec<(u32, usize)> = [2, 4, 5, 10].map(|number| (number, off(&paper(number)).len())).into();
    // Beside the four cells of Table 4 only the two of DocMath that end in .26.
    assert_eq!(per_table, [(2, 0), (4, 4), (5, 0), (10, 2)]);
    let table_4 = paper(4);
    let columns: Vec<&str> = off(&table_4).iter().map(|(_, column, _)| *column).collect();
    let count = |name: &str| columns.iter().filter(|column| **column == name).count();
    assert_eq!((count("lbv2"), count("corpusqa"), columns.len()), (3, 1, 4));
    // So many fits are no chance.
    for fit in paper(2).counts.iter().chain(&paper(10).counts) {
        assert!(fit.chance.expect("coarse enough to fail") < 0.02, "{fit:?}");
    }
}

#[test]
fn the_noise_of_one_answer_a_question() {
    let audit = paper(2);
    let error = |audit: &Audit, name: &str| audit.effects.of_column(column(audit, name)).expect("an effect").error;
    for (name, stated) in [("docmath", 1.7), ("lbv2", 2.2), ("frames", 1.6), ("corpusqa", 2.7), ("lbv1_qa", 1.5)] {
        assert!((error(&audit, name) - stated).abs() < 0.1, "{name}: {}", error(&audit, name));
    }
    let effect = audit.effects.of_column(column(&audit, "avg")).expect("an effect");
    assert!((effect.error - 0.8).abs() < 0.05 && (effect.difference_error - 1.1).abs() < 0.05, "{effect:?}");
    assert!(effect.unknown.is_empty() && effect.dense);
}

#[test]
fn one_cell_of_table_10_was_cut_off_where_the_others_were_rounded() {
    let audit = paper(10);
    let against: Vec<String> = audit.convention.against.iter().map(|at| audit.grid[*at].printed.to_string()).collect();
    assert_eq!(against, ["76.87"]);
    assert!(!audit.convention.fits_all.any());
    assert!(paper(2).convention.fits_all.half_even);
}

/// A sound table: counts of right answers, rounded half to even, averages and differences of the printed cells.
const SOUND: &str = "model,avg,math,code,qa\n\
    A,53.67,61.25,41.35,58.40\nB,57.11,62.50,44.33,64.50\nC,58.93,65.88,45.53,65.39\ndelta,+1.82,+3.38,+1.20,+0.89\n";
const ITEMS: &str = "math=800,code=503,qa=dense:1000";

#[test]
fn a_sound_table_gives_nothing() {
    let audit = of(SOUND, ITEMS);
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
    assert_eq!(audit.grid.len(), 6);
    assert_eq!(audit.averages[0].rows.len(), 3);
    assert_eq!(audit.deltas[0].of, Some(("C".into(), "B".into())));
    assert!(audit.notes.iter().any(|note| note.starts_with("qa: not checkable")), "{:?}", audit.notes);
}

#[test]
fn planted_errors_are_found_where_they_are() {
    let planted = [
        ("B,57.11,62.50", "B,57.12,62.52", Check::Grid, 3, 3),
        ("A,53.67", "A,53.76", Check::Average, 2, 2),
        ("+3.38", "+3.83", Check::Delta, 5, 3),
    ];
    for (from, to, check, line, field) in planted {
        let audit = of(&SOUND.replace(from, to), ITEMS);
        let found = audit.findings.iter().find(|one| one.check == check);
        let found = found.unwrap_or_else(|| panic!("{to}: {:?}", audit.findings));
        assert_eq!(found.level, Level::Wrong);
        let place = found.place.expect("a place");
        assert_eq!((place.line, place.field), (line, field), "{found:?}");
    }
    let copied = of(&SOUND.replace("C,58.93,65.88,45.53,65.39", "C,57.11,62.50,44.33,64.50"), ITEMS);
    assert!(copied.findings.iter().any(|one| one.check == Check::Repeat && one.row.as_deref() == Some("C")));
    // 62.13 is 497/800 rounded half up, 65.88 and 62.12 half to even.
    let ways = "model,math,code\nA,62.13,41.35\nB,62.12,44.33\nC,65.88,45.53\nD,62.38,45.53\n";
    let mixed = of(ways, "math=800,code=503");
    assert!(mixed.findings.iter().any(|one| one.check == Check::Convention), "{:?}", mixed.findings);
}

#[test]
fn a_weighted_average_is_told_from_a_plain_one() {
    let audit = of("model,avg,a,b\nA,60.00,50.00,80.00\nB,65.00,50.00,80.00\n", "a=200,b=100");
    let rows = &audit.averages[0].rows;
    assert_eq!(rows[0].weighted, Some(60.0));
    assert!(rows[0].readings.is_empty() && rows[1].readings.contains(&Reading::Rounded));
    // With its own count the whole must add up in right answers.
    let whole = of("model,all,a,b\nA,60.00,50.00,80.00\nB,60.33,50.00,80.00\n", "all=300,a=200,b=100");
    let follows: Vec<&Follows> = whole.wholes[0].rows.iter().map(|row| &row.follows).collect();
    assert_eq!(follows, [&Follows::Counts, &Follows::Not]);
}

#[test]
fn bad_input_names_the_place_and_the_mend() {
    let parse =
        |csv: &str, items: &str| Table::parse("t.csv", csv.as_bytes(), &settings(items)).unwrap_err().to_string();
    let bad = parse("m,a\nA,61.2\nB,sixty\nC,60\n", "a=10");
    assert!(bad.contains("line 3, column 2 (a)") && bad.contains("\"sixty\""), "{bad}");
    let short = parse("m,a\nA\n", "");
    assert!(short.contains("line 2") && short.contains("1 cells"), "{short}");
    let semicolons = parse("m;a\nA;1\n", "");
    assert!(semicolons.contains("part the columns by commas"), "{semicolons}");
    let twice = parse("m,a,A\nx,1,2\n", "");
    assert!(twice.contains("two columns"), "{twice}");
    let own = settings("docmaht=800");
    let table = Table::parse("t.csv", b"m,docmath\nA,1\n", &own).expect("a table");
    let unknown = own.must_be_known(&[&table]).unwrap_err().to_string();
    assert!(unknown.contains("did you mean `docmath`?"), "{unknown}");
    let list = |text: &str| Settings::default().items.add_list(text).unwrap_err();
    assert_eq!(list("a=0"), AuditError::Zero { name: "a".into() });
    assert!(list("a=99999999999999999999999").to_string().contains("limit of 1000000000"));
    assert!(matches!(list("a=30x0"), AuditError::Zero { .. }));
    assert!(matches!(list("a=some"), AuditError::Count { .. }));
    assert!(matches!(list("a=1,a=2"), AuditError::Twice { .. }));
    assert!(matches!(Settings::default().add_average("avg=a"), Err(AuditError::Average { .. })));
    assert!(matches!(Settings::default().add_file("f", "[item]\n"), Err(AuditError::ItemsFile { .. })));
}

#[test]
fn a_smallest_effect_needs_the_questions_it_says() {
    // The smallest effect at N questions is the one that N questions are needed for.
    for (p, items) in [(0.5, 100), (0.6, 800), (0.9, 503)] {
        let (apart, paired) = smallest_effect(p, items);
        let (d, e) = (apart.expect("an effect"), paired.expect("an effect"));
        let q = if p + d <= 1.0 { p + d } else { p - d };
        let m = f64::midpoint(p, q);
        let z = 1.959_964 * (2.0 * m * (1.0 - m)).sqrt() + 0.841_621 * (p * (1.0 - p) + q * (1.0 - q)).sqrt();
        assert!((z * z / (d * d) / items as f64 - 1.0).abs() < 1e-4);
        let z = 1.959_964 * e.sqrt() + 0.841_621 * (e - e * e).sqrt();
        assert!((z * z / (e * e) / items as f64 - 1.0).abs() < 1e-4);
        assert!(e < d);
    }
}

fn longlab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_longlab")).arg("audit").args(args).output().expect("longlab runs")
}

fn written(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("t.csv");
    fs::write(&path, text).expect("a file");
    path
}

#[test]
fn the_command_ends_as_it_says() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = written(dir.path(), &SOUND.replace("53.67", "53.76"));
    let path = path.to_str().expect("UTF-8");
    let plain = longlab(&[path, "--items", ITEMS]);
    let text = String::from_utf8_lossy(&plain.stdout).into_owned();
    assert_eq!(plain.status.code(), Some(0), "{}", String::from_utf8_lossy(&plain.stderr));
    assert!(text.contains("1 wrong, 0 odd") && text.contains("line 2, column 2"), "{text}");
    assert_eq!(longlab(&[path, "--items", ITEMS, "--strict"]).status.code(), Some(1));
    let unknown = longlab(&[path, "--items", "maths=800"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `math`?"));
    let json = longlab(&[path, "--items", ITEMS, "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(value[0]["findings"][0]["place"]["line"], 2);
}

#[test]
fn the_committed_report_is_what_the_command_writes() {
    let dir = tempfile::tempdir().expect("a folder");
    let tables: Vec<String> = (1..=12).map(|number| format!("{PAPER}/table{number}.csv")).collect();
    let mut args: Vec<&str> = tables.iter().map(String::as_str).collect();
    let items = format!("{PAPER}/items.toml");
    args.extend(["--items-file", &items, "--out", dir.path().to_str().expect("UTF-8")]);
    assert_eq!(longlab(&args).status.code(), Some(0));
    let committed = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/audit"));
    for name in ["report.md", "report.html", "summary.json", "findings.csv", "cells.csv", "differences.csv"] {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).expect(name);
        assert!(read(dir.path()) == read(committed), "{name}: give `longlab audit` with --out reports/audit again");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let settings = settings("a=800");
        if let Ok(table) = Table::parse("t", &bytes, &settings) {
            audit(table, &settings).expect("no average was named");
        }
    }

    #[test]
    fn no_table_makes_it_panic(
        cells in prop::collection::vec(prop::collection::vec("[-+]?[0-9]{1,4}(\\.[0-9]{0,4})?|-||x", 4), 1..8),
        items in 1u64..2_000_000_000,
        dense in any::<bool>(),
    ) {
        let rows = cells.iter().enumerate().map(|(at, row)| format!("r{at},{}\n", row.join(",")));
        let text = format!("m,avg,a,b,delta\n{}", rows.collect::<String>());
        let metric = if dense { format!("dense:{items}") } else { items.to_string() };
        let mut settings = Settings::default();
        if settings.items.add_list(&format!("a={metric},b=100,avg=500")).is_ok()
            && let Ok(table) = Table::parse("t", text.as_bytes(), &settings)
        {
            audit(table, &settings).expect("no average was named");
        }
    }

    #[test]
    fn tables_of_true_counts_are_clean_of_wrong_ones(
        items in prop::collection::vec(4u64..600, 2..5),
        parts in prop::collection::vec(0.0f64..1.0, 12),
        rows in 1usize..4,
    ) {
        // One above a multiple of five, so that no column's items are the sum of others'.
        let items: Vec<u64> = items.iter().map(|count| 5 * count + 1).collect();
        let share = |right: u64, items: u64| format!("{:.2}", right as f64 / items as f64 * 100.0);
        let mut text = format!("m,avg,{}\n", (0..items.len()).map(|at| format!("c{at}")).collect::<Vec<_>>().join(","));
        for row in 0..rows {
            let rights = items.iter().enumerate().map(|(at, items)| (parts[(row * 4 + at) % 12] * *items as f64) as u64);
            let rights: Vec<u64> = rights.collect();
            let exact = rights.iter().zip(&items).map(|(k, n)| *k as f64 / *n as f64 * 100.0).sum::<f64>();
            let cells: Vec<String> = rights.iter().zip(&items).map(|(k, n)| share(*k, *n)).collect();
            text += &format!("r{row},{:.2},{}\n", exact / items.len() as f64, cells.join(","));
        }
        let list: Vec<String> = items.iter().enumerate().map(|(at, items)| format!("c{at}={items}")).collect();
        let audit = of(&text, &list.join(","));
        prop_assert_eq!(audit.count(Level::Wrong), 0, "{}\n{:?}", text, audit.findings);
    }

    #[test]
    fn printed_numbers_come_back(units in -1_000_000i64..1_000_000, decimals in 0u32..6) {
        let printed = Printed { units, decimals, signed: units < 0 };
        prop_assert_eq!(Printed::parse(&printed.to_string()), Some(printed));
    }

    #[test]
    fn counts_are_read_back(items in 1u64..1_000_000_000, samples in 1u64..1_000_000) {
        prop_assert_eq!(Metric::parse("a", &format!("{items}x{samples}")), Ok(Metric::Share { items, samples }));
    }
}
