//! Query templates, after CorpusQA: what is asked of a table, at three levels.
//!
//! In a template's SQL a name in braces stands for a column: `{k}` names the rows, `{n}` and `{m}` are numbers, `{c}` is a text that repeats, `{t}` a year or a
//! date. What is compared with is drawn from the rows and bound: `v` and `w` are texts of `{c}`, `x` a number of `{n}`, `a` and `b` names of rows, `y` and
//! `z` years of `{t}` (y before z), `i` a small number.

use crate::item::{Column, ColumnKind, Level, Shape};

/// What a template is about (section 3.2: statistical aggregation, numerical calculation, temporal reasoning).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Counts, sums, means, extremes.
    Statistical,
    /// Differences, ratios, shares, measures.
    Numerical,
    /// What depends on dates.
    Temporal,
}

impl Topic {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Statistical => "statistical",
            Topic::Numerical => "numerical",
            Topic::Temporal => "temporal",
        }
    }
}

/// A query template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name, also that of its wordings in `templates/table/`.
    pub name: &'static str,
    /// How hard it is.
    pub level: Level,
    /// What it is about.
    pub topic: Topic,
    /// How its result is written.
    pub shape: Shape,
    /// Letters of its columns.
    pub columns: &'static str,
    /// Letters of what is bound, in order.
    pub drawn: &'static str,
    /// Conditions of the query: part of its difficulty.
    pub conditions: usize,
    /// The query.
    sql: &'static str,
}

const fn family(
    name: &'static str,
    (level, topic, shape): (Level, Topic, Shape),
    (columns, drawn, conditions): (&'static str, &'static str, usize),
    sql: &'static str,
) -> Family {
    Family { name, level, topic, shape, columns, drawn, conditions, sql }
}

use Level::{Easy, Hard, Medium};
use Shape::{Count, List, Number, Percentage, Text};
use Topic::{Numerical, Statistical, Temporal};

/// All templates. A year is read from years and dates alike: their first four letters.
#[rustfmt::skip]
pub const FAMILIES: [Family; 28] = [
    family("count_equal", (Easy, Statistical, Count), ("c", "v", 1),
        "SELECT COUNT(*) FROM facts WHERE {c} = ?1"),
    family("count_above", (Easy, Statistical, Count), ("n", "x", 1),
        "SELECT COUNT(*) FROM facts WHERE {n} > ?1"),
    family("greatest", (Easy, Statistical, Text), ("kn", "", 1),
        "SELECT {k} FROM facts WHERE {n} = (SELECT MAX({n}) FROM facts)"),
    family("least", (Easy, Statistical, Text), ("kn", "", 1),
        "SELECT {k} FROM facts WHERE {n} = (SELECT MIN({n}) FROM facts)"),
    family("ranked", (Easy, Statistical, Text), ("kn", "i", 1),
        "SELECT f.{k} FROM facts AS f WHERE f.{n} IS NOT NULL AND (SELECT COUNT(*) FROM facts AS g WHERE g.{n} > f.{n}) = ?1 - 1"),
    family("total", (Easy, Statistical, Number), ("n", "", 0),
        "SELECT SUM({n}) FROM facts"),
    family("mean", (Easy, Statistical, Number), ("n", "", 0),
        "SELECT AVG({n}) FROM facts"),
    family("latest", (Easy, Temporal, Text), ("kt", "", 1),
        "SELECT {k} FROM facts WHERE {t} = (SELECT MAX({t}) FROM facts)"),
    family("earliest", (Easy, Temporal, Text), ("kt", "", 1),
        "SELECT {k} FROM facts WHERE {t} = (SELECT MIN({t}) FROM facts)"),
    family("count_since", (Easy, Temporal, Count), ("t", "y", 1),
        "SELECT COUNT(*) FROM facts WHERE CAST(substr({t}, 1, 4) AS INTEGER) >= ?1"),

    family("mean_where", (Medium, Statistical, Number), ("nc", "v", 1),
        "SELECT AVG({n}) FROM facts WHERE {c} = ?1"),
    family("total_where", (Medium, Statistical, Number), ("nc", "v", 1),
        "SELECT SUM({n}) FROM facts WHERE {c} = ?1"),
    family("count_both", (Medium, Statistical, Count), ("nc", "vx", 2),
        "SELECT COUNT(*) FROM facts WHERE {c} = ?1 AND {n} > ?2"),
    family("greatest_where", (Medium, Statistical, Text), ("knc", "v", 2),
        "SELECT {k} FROM facts WHERE {c} = ?1 AND {n} = (SELECT MAX({n}) FROM facts WHERE {c} = ?1)"),
    family("list_both", (Medium, Statistical, List), ("knc", "vx", 2),
        "SELECT {k} FROM facts WHERE {c} = ?1 AND {n} > ?2"),
    family("share_equal", (Medium, Numerical, Percentage), ("c", "v", 1),
        "SELECT 100.0 * SUM({c} = ?1) / COUNT({c}) FROM facts"),
    family("difference", (Medium, Numerical, Number), ("kn", "ab", 2),
        "SELECT ABS((SELECT {n} FROM facts WHERE {k} = ?1) - (SELECT {n} FROM facts WHERE {k} = ?2))"),
    family("ratio", (Medium, Numerical, Number), ("kn", "ab", 2),
        "SELECT (SELECT {n} FROM facts WHERE {k} = ?1) / (SELECT {n} FROM facts WHERE {k} = ?2 AND {n} <> 0)"),
    family("count_between", (Medium, Temporal, Count), ("t", "yz", 2),
        "SELECT COUNT(*) FROM facts WHERE CAST(substr({t}, 1, 4) AS INTEGER) BETWEEN ?1 AND ?2"),
    family("years_spanned", (Medium, Temporal, Count), ("t", "", 2),
        "SELECT MAX(CAST(substr({t}, 1, 4) AS INTEGER)) - MIN(CAST(substr({t}, 1, 4) AS INTEGER)) FROM facts"),
    family("mean_since", (Medium, Temporal, Number), ("nt", "y", 1),
        "SELECT AVG({n}) FROM facts WHERE CAST(substr({t}, 1, 4) AS INTEGER) >= ?1"),

    family("above_mean", (Hard, Statistical, Count), ("n", "", 2),
        "SELECT COUNT(*) FROM facts WHERE {n} > (SELECT AVG({n}) FROM facts)"),
    family("best_group", (Hard, Statistical, Text), ("nc", "", 3),
        "WITH means AS (SELECT {c} AS c, AVG({n}) AS mean FROM facts WHERE {c} IS NOT NULL AND {n} IS NOT NULL GROUP BY {c} HAVING COUNT(*) >= 2) \
         SELECT c FROM means WHERE mean = (SELECT MAX(mean) FROM means)"),
    family("group_difference", (Hard, Numerical, Number), ("nc", "vw", 3),
        "SELECT ABS((SELECT AVG({n}) FROM facts WHERE {c} = ?1) - (SELECT AVG({n}) FROM facts WHERE {c} = ?2))"),
    family("best_ratio", (Hard, Numerical, Text), ("knm", "", 3),
        "SELECT {k} FROM facts WHERE {m} > 0 AND {n} / {m} = (SELECT MAX({n} / {m}) FROM facts WHERE {m} > 0)"),
    family("top_share", (Hard, Numerical, Percentage), ("n", "i", 3),
        "SELECT 100.0 * (SELECT SUM(top) FROM (SELECT {n} AS top FROM facts WHERE {n} IS NOT NULL ORDER BY {n} DESC LIMIT ?1)) / \
         (SELECT SUM({n}) FROM facts WHERE (SELECT MIN({n}) FROM facts) >= 0)"),
    family("weighted_mean", (Hard, Numerical, Number), ("nm", "", 3),
        "SELECT SUM({n} * {m}) / SUM({m}) FROM facts WHERE {n} IS NOT NULL AND {m} IS NOT NULL AND (SELECT MIN({m}) FROM facts) >= 0"),
    family("change", (Hard, Temporal, Percentage), ("nt", "yz", 3),
        "WITH means AS (SELECT CAST(substr({t}, 1, 4) AS INTEGER) AS year, AVG({n}) AS mean FROM facts WHERE {n} IS NOT NULL GROUP BY 1) \
         SELECT 100.0 * ((SELECT mean FROM means WHERE year = ?2) - before.mean) / before.mean FROM means AS before WHERE before.year = ?1 AND before.mean > 0"),
];

impl Family {
    /// The template of a name.
    pub fn named(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }

    /// The template's query over columns, one a letter, named as they stand in a query.
    pub fn query(&self, names: &[String]) -> String {
        let put = |sql: String, (letter, name): (char, &String)| sql.replace(&format!("{{{letter}}}"), name);
        self.columns.chars().zip(names).fold(self.sql.to_string(), put)
    }

    /// Whether its first column names the rows.
    pub fn keyed(&self) -> bool {
        self.columns.starts_with('k')
    }
}

/// Whether a column may stand for a letter. `{k}` and `{c}` ask more of the rows than of the column, which is seen when they are there.
pub fn fits(letter: char, column: &Column) -> bool {
    match letter {
        'k' | 'c' => column.kind == ColumnKind::Text,
        'n' | 'm' => column.kind == ColumnKind::Number,
        't' => matches!(column.kind, ColumnKind::Year | ColumnKind::Date),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Row;
    use crate::table::shape;
    use crate::table::sql::{Facts, names};
    use longlab_documents::Span;
    use serde_json::{Value, json};

    fn answer(name: &str, parameters: &[Value]) -> Result<String, &'static str> {
        let family = Family::named(name).unwrap();
        let kinds = |letter| match letter {
            'n' | 'm' => ColumnKind::Number,
            't' => ColumnKind::Date,
            _ => ColumnKind::Text,
        };
        let column =
            |letter: char| Column { name: letter.into(), label: letter.into(), kind: kinds(letter), unit: None };
        let columns: Vec<Column> = family.columns.chars().map(column).collect();
        // Names, groups, numbers, weights, dates.
        let all = [
            ("ant", "low", Some(4.0), 1.0, "1990-05"),
            ("bee", "low", Some(6.0), 3.0, "1990-07"),
            ("cat", "high", Some(20.0), 4.0, "2001-01"),
            ("dog", "high", Some(10.0), 0.0, "2010-02"),
            ("elk", "high", None, 2.0, "2010-03"),
        ];
        let value = |letter, at: usize| match letter {
            'k' => json!(all[at].0),
            'c' => json!(all[at].1),
            'n' => json!(all[at].2),
            'm' => json!(all[at].3),
            _ => json!(all[at].4),
        };
        let row = |at| Row {
            source: 0,
            values: family.columns.chars().map(|letter| value(letter, at)).collect(),
            spans: vec![Span { start: 0, end: 0 }; columns.len()],
        };
        let facts = Facts::new(&columns, &(0..5).map(row).collect::<Vec<_>>()).unwrap();
        shape::write(family.shape, &facts.ask(&family.query(&names(&columns)), parameters).unwrap())
    }

    #[test]
    fn every_template_computes_what_it_says() {
        let wanted: [(&str, Vec<Value>, &str); 28] = [
            ("count_equal", vec![json!("high")], "3"),
            ("count_above", vec![json!(6.0)], "2"),
            ("greatest", vec![], "cat"),
            ("least", vec![], "ant"),
            ("ranked", vec![json!(2)], "dog"),
            ("total", vec![], "40.00"),
            ("mean", vec![], "10.00"),
            ("latest", vec![], "elk"),
            ("earliest", vec![], "ant"),
            ("count_since", vec![json!(2001)], "3"),
            ("mean_where", vec![json!("high")], "15.00"),
            ("total_where", vec![json!("low")], "10.00"),
            ("count_both", vec![json!("high"), json!(10.0)], "1"),
            ("greatest_where", vec![json!("low")], "bee"),
            ("list_both", vec![json!("high"), json!(4.0)], r#"["cat","dog"]"#),
            ("share_equal", vec![json!("high")], "60.00%"),
            ("difference", vec![json!("ant"), json!("dog")], "6.00"),
            ("ratio", vec![json!("cat"), json!("ant")], "5.00"),
            ("count_between", vec![json!(1990), json!(2001)], "3"),
            ("years_spanned", vec![], "20"),
            ("mean_since", vec![json!(2001)], "15.00"),
            ("above_mean", vec![], "1"),
            ("best_group", vec![], "high"),
            ("group_difference", vec![json!("low"), json!("high")], "10.00"),
            ("best_ratio", vec![], "cat"),
            ("top_share", vec![json!(2)], "75.00%"),
            ("weighted_mean", vec![], "12.75"),
            ("change", vec![json!(1990), json!(2010)], "100.00%"),
        ];
        for (family, (name, parameters, gold)) in FAMILIES.iter().zip(wanted) {
            assert_eq!(family.name, name);
            assert_eq!(family.drawn.len(), parameters.len(), "{name}");
            let found = answer(name, &parameters);
            assert_eq!(found.as_deref(), Ok(gold), "{name}");
        }
    }

    #[test]
    fn ties_and_missing_rows_give_no_answer() {
        assert!(answer("ranked", &[json!(9)]).is_err());
        assert!(answer("ratio", &[json!("cat"), json!("fox")]).is_err());
        assert!(answer("change", &[json!(1990), json!(1991)]).is_err());
    }
}
