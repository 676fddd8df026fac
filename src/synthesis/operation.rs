//! What is computed of where the paths of a proof end.
//!
//! The steps of a proof are facts (head, relation, tail). A step is an *end* where its tail is not the head of a later step: a chain has one end, two
//! chains side by side have two.

use crate::name::{first_year, same};
use std::fmt;
use std::str::FromStr;

/// A step of a path: head, relation, tail, and the number of the evidence that states it.
pub type Step = (String, String, String, usize);

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The tail of the one end.
    Tail,
    /// The year that the tail of the one end names.
    YearOf,
    /// Years between those that the tails of the two ends name.
    YearsBetween,
    /// The head of that of the two ends whose tail names the earlier year.
    EarlierOf,
    /// The head of that of the two ends whose tail names the later year.
    LaterOf,
    /// How many different tails the ends have.
    Count,
}

impl Operation {
    /// All operations.
    pub const ALL: [Operation; 6] = [
        Operation::Tail,
        Operation::YearOf,
        Operation::YearsBetween,
        Operation::EarlierOf,
        Operation::LaterOf,
        Operation::Count,
    ];

    /// The name used in certificates.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Tail => "tail",
            Operation::YearOf => "year_of",
            Operation::YearsBetween => "years_between",
            Operation::EarlierOf => "earlier_of",
            Operation::LaterOf => "later_of",
            Operation::Count => "count",
        }
    }

    /// The answer that the steps give; none where they do not: no end or the wrong number of ends, no year, two equal years.
    ///
    /// ```
    /// use longlab_synthesis::operation::{Operation, Step};
    /// let step = |head: &str, relation: &str, tail: &str| (head.into(), relation.into(), tail.into(), 0);
    /// let steps: [Step; 2] = [step("Walden", "author", "Thoreau"), step("Thoreau", "born", "July 1817")];
    /// assert_eq!(Operation::Tail.of(&steps).as_deref(), Some("July 1817"));
    /// assert_eq!(Operation::YearOf.of(&steps).as_deref(), Some("1817"));
    /// ```
    pub fn of(self, steps: &[Step]) -> Option<String> {
        self.of_ends(&ends(steps))
    }

    /// What the answer becomes when an evidence is taken away: the steps that it states go, and with them all that is reached over them alone.
    ///
    /// ```
    /// use longlab_synthesis::operation::{Operation, Step};
    /// let step = |head: &str, tail: &str, evidence| (head.into(), "r".into(), tail.into(), evidence);
    /// let steps: [Step; 3] = [step("A", "B", 0), step("B", "x", 1), step("B", "y", 2)];
    /// assert_eq!(Operation::Count.without(&steps, 2).as_deref(), Some("1"));
    /// assert_eq!(Operation::Count.without(&steps, 0), None);
    /// ```
    pub fn without(self, steps: &[Step], evidence: usize) -> Option<String> {
        let ends = ends(steps);
        let root = |step: &Step| !steps.iter().any(|other| same(&other.2, &step.0));
        let mut reached: Vec<&Step> = vec![];
        for step in steps.iter().filter(|step| step.3 != evidence) {
            if root(step) || reached.iter().any(|earlier| same(&earlier.2, &step.0)) {
                reached.push(step);
            }
        }
        let left: Vec<&Step> =
            ends.into_iter().filter(|end| reached.iter().any(|step| std::ptr::eq(*step, *end))).collect();
        self.of_ends(&left)
    }

    fn of_ends(self, ends: &[&Step]) -> Option<String> {
        match (self, ends) {
            (Operation::Tail, [end]) => Some(end.2.clone()),
            (Operation::YearOf, [end]) => Some(first_year(&end.2)?.to_string()),
            (Operation::YearsBetween, [one, other]) => {
                Some(first_year(&one.2)?.abs_diff(first_year(&other.2)?).to_string())
            }
            (Operation::EarlierOf, [one, other]) => Some(in_order(one, other)?.0.0.clone()),
            (Operation::LaterOf, [one, other]) => Some(in_order(one, other)?.1.0.clone()),
            (Operation::Count, [_, ..]) => Some(different(ends).to_string()),
            _ => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        Operation::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
            .ok_or_else(|| UnknownOperation(name.into()))
    }
}

/// There is no such operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operation `{0}`; there are tail, year_of, years_between, earlier_of, later_of and count")]
pub struct UnknownOperation(pub String);

/// Steps whose tail is not the head of a later one.
fn ends(steps: &[Step]) -> Vec<&Step> {
    let goes_on = |at: usize| steps[at + 1..].iter().any(|later| same(&later.0, &steps[at].2));
    steps.iter().enumerate().filter(|(at, _)| !goes_on(*at)).map(|(_, step)| step).collect()
}

/// The two ends, the one of the earlier year first.
fn in_order<'a>(one: &'a Step, other: &'a Step) -> Option<(&'a Step, &'a Step)> {
    match first_year(&one.2)?.cmp(&first_year(&other.2)?) {
        std::cmp::Ordering::Less => Some((one, other)),
        std::cmp::Ordering::Greater => Some((other, one)),
        std::cmp::Ordering::Equal => None,
    }
}

fn different(ends: &[&Step]) -> usize {
    let first_of_its_name = |at: &usize| !ends[..*at].iter().any(|earlier| same(&earlier.2, &ends[*at].2));
    (0..ends.len()).filter(first_of_its_name).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(facts: &[(&str, &str)]) -> Vec<Step> {
        let step = |(at, (head, tail)): (usize, &(&str, &str))| (head.to_string(), "r".into(), tail.to_string(), at);
        facts.iter().enumerate().map(step).collect()
    }

    #[test]
    fn two_chains_have_two_ends() {
        let two =
            steps(&[("Walden", "Thoreau"), ("thoreau", "born 1817"), ("Emma", "Austen"), ("Austen", "born 1775")]);
        assert_eq!(Operation::YearsBetween.of(&two).as_deref(), Some("42"));
        assert_eq!(Operation::EarlierOf.of(&two).as_deref(), Some("Austen"));
        assert_eq!(Operation::LaterOf.of(&two).as_deref(), Some("thoreau"));
        assert_eq!(Operation::Tail.of(&two), None);
    }

    #[test]
    fn a_count_takes_each_tail_once() {
        assert_eq!(Operation::Count.of(&steps(&[("a", "x"), ("a", "y"), ("a", " X")])).as_deref(), Some("2"));
        assert_eq!(Operation::Count.of(&[]), None);
    }

    #[test]
    fn a_path_with_a_gap_leads_nowhere() {
        let chain = steps(&[("a", "b"), ("b", "c"), ("c", "d")]);
        assert_eq!(Operation::Tail.of(&chain).as_deref(), Some("d"));
        assert!((0..3).all(|evidence| Operation::Tail.without(&chain, evidence).is_none()));
    }

    #[test]
    fn equal_or_missing_years_give_nothing() {
        assert_eq!(Operation::EarlierOf.of(&steps(&[("a", "1990"), ("b", "1990")])), None);
        assert_eq!(Operation::YearOf.of(&steps(&[("a", "long ago")])), None);
    }

    #[test]
    fn names_lead_back() {
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse(), Ok(operation));
        }
        assert!("median".parse::<Operation>().is_err());
    }
}
