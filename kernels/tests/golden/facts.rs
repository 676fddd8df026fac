//! Reading facts and measuring how far ours are from them.

use serde_json::Value;
use std::collections::BTreeMap;

/// One line: a case of a peer's function, or (without a function) a batch.
pub struct Fact(pub Value);

/// What comparing a line came to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every number, with the largest relative deviation.
    Compared(f64),
    /// Part of the numbers, with the largest relative deviation and why not all.
    Partly(f64, &'static str),
    /// Nothing, and why.
    Excluded(&'static str),
}

impl Fact {
    pub fn all(text: &str) -> Vec<Fact> {
        text.lines().map(|line| Fact(serde_json::from_str(line).expect("a line is JSON"))).collect()
    }

    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    pub fn single(&self) -> bool {
        self.text("dtype") == "f32"
    }

    pub fn parameter(&self, key: &str) -> &Value {
        &self.0["parameters"][key]
    }

    /// A number among the parameters, or the peer's default.
    pub fn number(&self, key: &str, default: f64) -> f64 {
        self.parameter(key).as_f64().unwrap_or(default)
    }

    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.parameter(key).as_bool().unwrap_or(default)
    }

    /// A word among the parameters.
    pub fn text_of(&self, key: &str) -> &str {
        self.parameter(key).as_str().expect("a word")
    }

    pub fn outputs(&self) -> &Value {
        &self.0["outputs"]
    }

    pub fn input(&self, key: &str) -> &Value {
        &self.0["inputs"][key]
    }

    /// A number as the peer read it: rounded first in an f32 case.
    pub fn rounded(&self, value: f64) -> f64 {
        if self.single() { f64::from(value as f32) } else { value }
    }

    pub fn name(&self) -> String {
        let name = format!("{}{}", self.text("batch"), self.text("name"));
        format!(
            "{} {} {} {name} {}",
            self.text("peer"),
            self.text("function"),
            self.text("dtype"),
            self.0["parameters"]
        )
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

pub fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().expect("a list of rows").iter().map(numbers).collect()
}

/// Numbers of any nesting, in order.
pub fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        other => vec![other.as_f64().expect("a number")],
    }
}

/// Largest deviation, relative to the number or to a thousandth of the largest of its kind, whichever is larger: a
/// small entry that is a difference of large ones cannot be nearer than they are.
pub fn deviation(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "as many numbers as the peer has");
    let largest = theirs.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    let one = |(a, b): (&f64, &f64)| {
        if a == b { 0.0 } else { (a - b).abs() / b.abs().max(1e-3 * largest).max(f64::MIN_POSITIVE) }
    };
    // A NaN is no agreement.
    ours.iter().zip(theirs).map(one).fold(0.0, |most, x| if x > most || x.is_nan() { x } else { most })
}

/// Largest deviation relative to the largest number. For f32 results that are differences: their error is that of what
/// was subtracted, however small they are themselves.
pub fn deviation_from_largest(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "as many numbers as the peer has");
    let largest = theirs.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()));
    deviation(
        &ours.iter().zip(theirs).map(|(a, b)| (a - b) / largest + 1.0).collect::<Vec<_>>(),
        &vec![1.0; ours.len()],
    )
}

pub fn deviation_of_rows(ours: &[Vec<f64>], theirs: &Value) -> f64 {
    deviation(&ours.concat(), &flat(theirs))
}

/// How many lines each function has compared in full, and how many are set aside for each reason.
#[derive(Default)]
pub struct Counts {
    pub compared: BTreeMap<(String, String), usize>,
    pub aside: BTreeMap<(String, String, String), usize>,
}

/// Judges every line and asserts its tolerance.
pub fn ledger(facts: &[Fact], tolerance: impl Fn(&Fact) -> f64, judge: impl Fn(&Fact) -> Verdict) -> Counts {
    let (mut counts, mut far, mut worst) = (Counts::default(), Vec::new(), BTreeMap::<String, f64>::new());
    for (line, fact) in facts.iter().enumerate() {
        let (peer, function) = (fact.text("peer").to_string(), fact.text("function").to_string());
        let kind = format!("{peer} {function} {}", fact.text("dtype"));
        let (deviation, why) = match judge(fact) {
            Verdict::Compared(deviation) => (deviation, None),
            Verdict::Partly(deviation, why) => (deviation, Some(why)),
            Verdict::Excluded(why) => (0.0, Some(why)),
        };
        let most = worst.entry(kind).or_default();
        *most = most.max(deviation);
        if deviation.is_nan() || deviation > tolerance(fact) {
            far.push(format!("line {}: {deviation:.2e} {}", line + 1, fact.name()));
        }
        *match why {
            None => counts.compared.entry((peer, function)).or_default(),
            Some(why) => counts.aside.entry((peer, function, why.into())).or_default(),
        } += 1;
    }
    worst.iter().for_each(|(kind, most)| println!("{kind}: {most:.1e}"));
    assert!(far.is_empty(), "{} of {} lines deviate:\n{}", far.len(), facts.len(), far.join("\n"));
    counts
}

impl Counts {
    /// Asserts that the lines are those of two tables, (peer, function, lines) of what is compared in full and (peer,
    /// function, reason, lines) of what is not, and that they are all lines.
    pub fn are(&self, lines: usize, compared: &[(&str, &str, usize)], aside: &[(&str, &str, &str, usize)]) {
        let full: BTreeMap<_, _> = compared.iter().map(|&(p, f, n)| ((p.into(), f.into()), n)).collect();
        let rest: BTreeMap<_, _> = aside.iter().map(|&(p, f, why, n)| ((p.into(), f.into(), why.into()), n)).collect();
        assert_eq!(self.compared, full, "compared");
        assert_eq!(self.aside, rest, "set aside");
        assert_eq!(
            self.compared.values().sum::<usize>() + self.aside.values().sum::<usize>(),
            lines,
            "no line is dropped"
        );
    }
}

/// The columns of a batch as a case reads them, and shares to go with them.
#[derive(Clone)]
pub struct Columns {
    pub logp: Vec<Vec<f64>>,
    pub old: Vec<Vec<f64>>,
    pub reference: Vec<Vec<f64>>,
    pub entropy: Vec<Vec<f64>>,
    pub weights: Vec<Vec<f64>>,
    pub advantages: Vec<Vec<f64>>,
    pub row_advantages: Vec<f64>,
    pub mask: Vec<Vec<bool>>,
}

impl Columns {
    /// The batch that a case names.
    pub fn of(fact: &Fact, facts: &[Fact]) -> Columns {
        let name = fact.text("batch");
        let batch = facts.iter().find(|f| f.text("function").is_empty() && f.text("batch") == name).expect("a batch");
        let read = |key: &str| -> Vec<Vec<f64>> {
            rows(batch.input(key)).into_iter().map(|row| row.into_iter().map(|x| fact.rounded(x)).collect()).collect()
        };
        Columns {
            logp: read("logp"),
            old: read("old_logp"),
            reference: read("ref_logp"),
            entropy: read("entropy"),
            weights: read("weights"),
            advantages: read("advantages"),
            row_advantages: numbers(batch.input("row_advantages")).into_iter().map(|x| fact.rounded(x)).collect(),
            mask: rows(batch.input("mask")).iter().map(|row| row.iter().map(|&x| x == 1.0).collect()).collect(),
        }
    }

    pub fn height(&self) -> usize {
        self.mask.len()
    }

    pub fn width(&self) -> usize {
        self.mask[0].len()
    }

    /// Tokens that count in each row.
    pub fn lengths(&self) -> Vec<usize> {
        self.mask.iter().map(|row| row.iter().filter(|&&valid| valid).count()).collect()
    }

    /// Rows with a token, and all tokens.
    pub fn sizes(&self) -> (f64, f64) {
        let lengths = self.lengths();
        (lengths.iter().filter(|&&n| n > 0).count() as f64, lengths.iter().sum::<usize>() as f64)
    }

    /// Whether a log-ratio that counts is past the bound of ours.
    pub fn past_bound(&self, row: usize, token: usize) -> bool {
        self.mask[row][token] && (self.logp[row][token] - self.old[row][token]).abs() > 20.0
    }

    /// A number for each place.
    pub fn map(&self, of: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
        (0..self.height()).map(|i| (0..self.width()).map(|t| of(i, t)).collect()).collect()
    }
}
