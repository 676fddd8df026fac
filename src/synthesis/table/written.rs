//! What a model wrote of a question over tables, as a certificate keeps it, and what it comes to when it is run again without the model.

use super::family::Family;
use super::question::framed;
use super::{Executed, SqlError};
use crate::error::Result;
use crate::item::{Column, Proof, Row, Shape};
use crate::name::words;
use serde::{Deserialize, Serialize};

/// The family of questions that a model wrote.
pub const WRITTEN: &str = "written";

/// The step of the call that wrote the question.
pub const QUESTION: &str = "write_question";

/// The step of each call that wrote a query.
pub const QUERY: &str = "write_query";

/// Steps that a query of a model may take: it is run once without each cell.
const STEPS: u64 = 1_000_000;

/// Fewest characters of a question.
const SHORTEST: usize = 12;

/// How a question came about that a model wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The query template whose question was its example: its level and shape are those of the question.
    pub template: String,
    /// The model's reply that holds the question.
    pub reply: String,
    /// The queries, in the order in which they were asked for.
    pub queries: Vec<Posed>,
    /// How many of them had to give the same answer.
    pub agree: usize,
}

/// A query that a model wrote, and what it comes to: an answer, or a refusal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posed {
    /// The model's reply that holds the query.
    pub reply: String,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Posed {
    /// A reply run over rows.
    pub fn run(reply: String, columns: &[Column], rows: &[Row], shape: Shape) -> Posed {
        let outcome = query(&reply).and_then(|query| outcome(query, columns, rows, shape));
        let (answer, refused) = match outcome {
            Ok(answer) => (Some(answer), None),
            Err(reason) => (None, Some(reason.to_string())),
        };
        Posed { reply, answer, refused }
    }
}

impl Written {
    /// How many queries give an answer.
    pub fn agreeing(&self, answer: &str) -> usize {
        self.queries.iter().filter(|posed| posed.answer.as_deref() == Some(answer)).count()
    }

    /// The answer that enough queries give, and the first of them; since enough is more than half, there is at most one.
    pub fn agreed(&self) -> Option<(&str, &str)> {
        let enough = |answer: &&str| 2 * self.agree > self.queries.len() && self.agreeing(answer) >= self.agree;
        let answer = self.queries.iter().filter_map(|posed| posed.answer.as_deref()).find(enough)?;
        let first = self.queries.iter().find(|posed| posed.answer.as_deref() == Some(answer))?;
        Some((answer, query(&first.reply).ok()?))
    }

    /// Every way in which the question may be framed over columns; none where the reply holds no question.
    ///
    /// # Errors
    /// Where a wording does not render.
    pub fn questions(&self, columns: &[Column]) -> Result<Vec<String>> {
        question(&self.reply).map_or(Ok(vec![]), |ask| framed(columns, &ask))
    }
}

/// The query template that a question over tables is of, or was written after.
pub fn template(proof: &Proof) -> Option<&'static Family> {
    let Proof::Sql { family, written, .. } = proof else { return None };
    Family::named(written.as_ref().filter(|_| family == WRITTEN).map_or(family, |written| &written.template))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    question: String,
}

/// The question of a reply: a JSON object of one field, bare or in a fence, and nothing else.
///
/// # Errors
/// Why it is none.
pub fn question(reply: &str) -> std::result::Result<String, &'static str> {
    let object = fenced(reply, "json").unwrap_or(reply.trim());
    let Reply { question } = serde_json::from_str(object).map_err(|_| "the model's question keeps to no form")?;
    let ask = question.trim();
    let plain = ask.ends_with('?') && !ask.chars().any(char::is_control) && ask.chars().count() >= SHORTEST;
    if plain { Ok(ask.into()) } else { Err("the model's question is none") }
}

/// Whether a question is one of others, in other marks and cases at most.
pub(super) fn repeats(ask: &str, others: &[String]) -> bool {
    let said = |text: &str| words(text).collect::<Vec<String>>();
    let ask = said(ask);
    others.iter().any(|other| said(other) == ask)
}

/// The query of a reply: one fenced block, and nothing else.
///
/// # Errors
/// Why there is none.
pub fn query(reply: &str) -> std::result::Result<&str, &'static str> {
    fenced(reply, "sql").filter(|query| !query.is_empty()).ok_or("a model's query keeps to no form")
}

/// What stands in a reply that is one fenced block of a language, or of none.
fn fenced<'a>(reply: &'a str, language: &str) -> Option<&'a str> {
    let inner = reply.trim().strip_prefix("```")?.strip_suffix("```")?;
    let (first, rest) = inner.split_once('\n')?;
    let named = first.trim().is_empty() || first.trim().eq_ignore_ascii_case(language);
    (named && !rest.contains("```")).then(|| rest.trim())
}

/// The answer of a model's query over rows. It must not hang on their order, so that no tie is hidden, nor take long.
///
/// # Errors
/// Why there is none.
fn outcome(query: &str, columns: &[Column], rows: &[Row], shape: Shape) -> std::result::Result<String, &'static str> {
    let run = |rows: &[Row]| {
        let executed = Executed::new(columns, rows, (query, &[]), shape).map_err(refusal)?;
        let answer = executed.answer().map_err(refusal)??;
        if executed.steps() > STEPS { Err("a model's query takes too long") } else { Ok(answer) }
    };
    let answer = run(rows)?;
    let turned: Vec<Row> = rows.iter().rev().cloned().collect();
    if run(&turned).as_ref() == Ok(&answer) {
        Ok(answer)
    } else {
        Err("a model's query hangs on the order of the rows")
    }
}

/// A failure without the words of SQLite, which change with its version.
pub(super) fn refusal(error: SqlError) -> &'static str {
    match error {
        SqlError::Refused(_) => "a model's query does more than to read the table",
        SqlError::Endless => "a model's query takes too long",
        SqlError::Rows(_) => "a model's query gives too many rows",
        SqlError::Failed(_) => "a model's query fails",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::ColumnKind;
    use longlab_documents::Span;
    use serde_json::json;

    #[test]
    fn a_question_is_one_field_and_nothing_else() {
        let asked = "Which name comes last?";
        assert_eq!(question(r#" {"question": " Which name comes last? "} "#).as_deref(), Ok(asked));
        assert_eq!(question("```json\n{\"question\": \"Which name comes last?\"}\n```").as_deref(), Ok(asked));
        for reply in [
            "Which name comes last?",
            r#"Here: {"question": "Which name comes last?"}"#,
            r#"{"question": "Which name comes last?", "schema": {}}"#,
            r#"{"question": 7}"#,
            r#"{"question": "Which name comes last?"} {"question": "Which name comes first?"}"#,
            r#"{"query": "SELECT 1"}"#,
            "",
        ] {
            assert_eq!(question(reply), Err("the model's question keeps to no form"), "{reply}");
        }
        for reply in
            [r#"{"question": "Say the last name."}"#, r#"{"question": "a\nb and so on?"}"#, r#"{"question": "?"}"#]
        {
            assert_eq!(question(reply), Err("the model's question is none"), "{reply}");
        }
    }

    #[test]
    fn a_query_is_one_fenced_block_and_nothing_else() {
        assert_eq!(query("```sql\nSELECT 1\n```"), Ok("SELECT 1"));
        assert_eq!(query(" ```\nSELECT 1\nFROM facts```\n"), Ok("SELECT 1\nFROM facts"));
        for reply in [
            "SELECT 1",
            "```sql\n```",
            "```sql SELECT 1```",
            "```python\nSELECT 1\n```",
            "Sure:\n```sql\nSELECT 1\n```",
            "```sql\nSELECT 1\n```\n```sql\nSELECT 2\n```",
            "```",
            "",
        ] {
            assert!(query(reply).is_err(), "{reply}");
        }
    }

    fn table() -> (Vec<Column>, Vec<Row>) {
        let column = |name: &str, kind| Column { name: name.into(), label: name.into(), kind, unit: None };
        let row = |name: &str, mass: f64| Row {
            source: 0,
            values: vec![json!(name), json!(mass)],
            spans: vec![Span { start: 0, end: 0 }; 2],
        };
        let columns = vec![column("name", ColumnKind::Text), column("mass", ColumnKind::Number)];
        (columns, vec![row("a", 1.0), row("b", 4.0), row("c", 4.0)])
    }

    #[test]
    fn queries_that_write_tie_or_last_are_refused() {
        let (columns, rows) = table();
        let run = |query: &str, shape| {
            let Posed { answer, refused, .. } = Posed::run(format!("```sql\n{query}\n```"), &columns, &rows, shape);
            answer.ok_or_else(|| refused.unwrap())
        };
        assert_eq!(run("SELECT SUM(\"mass\") FROM facts", Shape::Number).as_deref(), Ok("9.00"));
        assert_eq!(run("SELECT MAX(name) FROM facts", Shape::Text).as_deref(), Ok("c"));
        let refused = |query: &str, shape| run(query, shape).unwrap_err();
        for query in ["DELETE FROM facts", "DROP TABLE facts", "SELECT load_extension('x')", "PRAGMA user_version"] {
            let reason = refused(query, Shape::Count);
            assert!(["a model's query does more than to read the table", "a model's query fails"].contains(&&*reason));
        }
        assert_eq!(refused("SELECT weight FROM facts", Shape::Number), "a model's query fails");
        assert_eq!(refused("SELECT COUNT(*) FROM facts WHERE mass > ?1", Shape::Count), "a model's query fails");
        let tie = "SELECT name FROM facts ORDER BY mass DESC LIMIT 1";
        assert_eq!(refused(tie, Shape::Text), "a model's query hangs on the order of the rows");
        let long = format!("SELECT COUNT(*) FROM {}", ["facts"; 12].join(", "));
        assert_eq!(refused(&long, Shape::Count), "a model's query takes too long");
        let endless = format!("SELECT COUNT(*) FROM {}", ["facts"; 20].join(", "));
        assert_eq!(refused(&endless, Shape::Count), "a model's query takes too long");
    }

    #[test]
    fn more_than_half_must_agree() {
        let posed = |answer: &str| Posed {
            reply: format!("```sql\nSELECT {answer}\n```"),
            answer: Some(answer.into()),
            refused: None,
        };
        let written = |answers: &[&str], agree| Written {
            template: "total".into(),
            reply: String::new(),
            queries: answers.iter().map(|answer| posed(answer)).collect(),
            agree,
        };
        assert_eq!(written(&["1", "2", "2"], 2).agreed(), Some(("2", "SELECT 2")));
        assert_eq!(written(&["1", "2", "3"], 2).agreed(), None);
        assert_eq!(written(&["1", "1", "2", "2"], 2).agreed(), None);
    }

    #[test]
    fn an_example_in_other_marks_is_no_new_question() {
        let others = ["What is the total of \"Mass (kg)\"?".to_string()];
        assert!(repeats("what is the total of mass kg?", &others));
        assert!(!repeats("What is the mean of \"Mass (kg)\"?", &others));
    }
}
