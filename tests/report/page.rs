//! What `report.html` holds: rows that open to jobs and items, values behind curves, marks on published numbers.

use super::{input, row, text, tree};
use longlab::report::input::{Input, Status};
use longlab::report::{render, render_beside};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

fn html(input: &Input) -> String {
    let folder = TempDir::new().expect("a folder");
    render(input, folder.path()).expect("rendered");
    text(&tree(folder.path()), "report.html")
}

#[test]
fn a_row_opens_to_its_jobs_and_their_items() {
    let page = html(&input());
    // Two variants, two jobs each; every table that opens does so once a row.
    assert_eq!(page.matches("<tr class=\"more\">").count(), 2 + 4);
    let grpo = page.split("behind GRPO</summary>").nth(1).expect("the row opens").split("behind AEPO</summary>").next();
    let grpo = grpo.expect("its part");
    for part in [
        "Jobs of GRPO; answers of both splits",
        "reward, last 2 steps",
        "<td><a href=\"../../results/jobs/GRPO-1/\">GRPO-1</a></td><td>done</td><td>1.0</td><td>0.350</td>\
         <td>36</td><td>18</td><td>18</td><td>0</td><td>0</td>",
        "<p class=\"tally\"><b>MRCR, main</b> 2u 2u 2u</p>",
        "<tr><th scope=\"row\">MRCR</th><td>main</td><td>24</td><td>50.00</td><td>12</td>",
    ] {
        assert!(grpo.contains(part), "{part:?} is not in\n{grpo}");
    }
    assert!(!grpo.contains("AEPO-0"));
}

#[test]
fn a_job_that_failed_has_no_link_and_no_numbers() {
    let mut input = input();
    let run = &mut input.rows[0].seeds[1];
    (run.status, run.done) = (Status::Failed, None);
    run.items.clear();
    run.metrics.rows.clear();
    let page = html(&input);
    let cells = format!("<td>GRPO-1</td><td>failed</td>{}", "<td>–</td>".repeat(7));
    assert!(page.contains(&cells), "{page}");
}

#[test]
fn without_scores_the_rows_of_training_open() {
    let mut input = Input { paper: None, claims: vec![], ..input() };
    input.rows.iter_mut().flat_map(|row| &mut row.seeds).for_each(|run| run.items.clear());
    let page = html(&input);
    let training = page.split("<h2>Training</h2>").nth(1).expect("a section");
    assert!(training.contains("Jobs of AEPO") && !page.contains("class=\"tally\""), "{page}");
}

#[test]
fn curves_carry_their_values_and_the_place_of_their_axes() {
    let page = html(&input());
    let data: Vec<Value> = page
        .split("<script type=\"application/json\">")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("</script>").next().expect("an end")).expect("JSON"))
        .collect();
    assert_eq!(data.len(), 2, "training curves and published ones");
    let entropy = data[0].as_array().expect("panels").iter().find(|panel| panel["title"] == "Entropy (measured)");
    let entropy = entropy.expect("a panel of entropy");
    let curve = &entropy["curves"][1];
    assert_eq!((&curve["name"], &curve["colour"]), (&"AEPO".into(), &"#D55E00".into()));
    assert_eq!(curve["at"], serde_json::json!([1, 2, 3, 4]));
    // Seeds 0 and 1 have 0.30 and 0.31 nats in every step.
    for (key, value) in [("mean", 0.305), ("low", 0.3), ("high", 0.31)] {
        assert_eq!(curve[key], serde_json::json!([value, value, value, value]), "{key}");
    }
    assert_eq!(entropy["phases"][0]["name"], "AEPO latch on");
    assert_eq!(entropy["phases"][0]["share"], serde_json::json!([0.5, 0.5, 0.5, 0.5]));
    // The place is that of the axes: the curve drawn first begins at the left edge.
    let place: Vec<f64> = entropy["place"].as_array().expect("edges").iter().filter_map(Value::as_f64).collect();
    assert!(place[0] < place[2] && place[1] < place[3] && place[2] <= 800.0, "{place:?}");
    let starts = format!("points=\"{},", place[0]);
    assert!(page.contains(&starts), "no line begins at {starts}");
    assert_eq!(data[1][0]["title"], "Entropy (published)");
    assert!(data[1][0]["curves"][0].get("low").is_none(), "published curves have no band");
}

#[test]
fn published_numbers_are_marked_in_tables_figures_and_columns() {
    let page = html(&input());
    assert_eq!(page.matches("<b class=\"mark\">published</b>").count(), 2, "one table, one figure");
    assert!(page.contains("<th scope=\"col\" class=\"published\">difference (published)</th>"));
    assert!(page.contains("<td class=\"published\">+3.29 points</td>"));
    let measured = page.split("<caption>Measured").nth(1).expect("a table").split("</table>").next().expect("its end");
    assert!(!measured.contains("class=\"published\""));
}

#[test]
fn names_cannot_leave_their_place_in_the_page() {
    let mut name = row("</script><b>&", 0.5);
    name.seeds[0].job = "\"><i>".into();
    let page = html(&Input { rows: vec![name], claims: vec![], ..input() });
    assert!(!page.contains("</script><b>") && !page.contains("<i>"), "{page}");
    assert!(page.contains("href=\"../../results/jobs/&quot;&gt;&lt;i&gt;/\""));
}

#[test]
fn links_to_jobs_follow_the_folders() {
    let folder = TempDir::new().expect("a folder");
    render_beside(&input(), folder.path(), "../jobs").expect("rendered");
    let page = text(&tree(folder.path()), "report.html");
    assert!(page.contains("href=\"../jobs/AEPO-0/\"") && !page.contains("results/jobs"));
}

#[test]
fn a_whole_table_of_the_paper_stays_a_small_file() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/table4/data");
    let page = html(&longlab::report::reread(&data).expect("a committed report"));
    assert!((100_000..2_000_000).contains(&page.len()), "{} bytes", page.len());
}
