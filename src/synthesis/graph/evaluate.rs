//! What a path proves: the answer computed again from the facts of a certificate, without a graph and without a model.

use crate::{Evidence, Proof, Step};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What is computed of a path. The number, where there is one, is the step with which the second part of the path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The tail of the last fact.
    Tail,
    /// The head of the last fact.
    Head,
    /// The year that the tail of the last fact names.
    YearOf,
    /// Years between the tails of the last facts of both parts.
    YearsBetween(usize),
    /// The head of that part's last fact whose tail names the earlier year.
    EarlierOf(usize),
    /// The head of that part's last fact whose tail names the later year.
    LaterOf(usize),
    /// The head of that part's last fact whose tail is the larger number.
    LargerOf(usize),
    /// How many entities the facts of the second part join to the end of the first.
    Count(usize),
    /// How many entities the facts of the first part join to their common one, without the one the second part leads to.
    CountWithout(usize),
    /// The one entity that is left of them then.
    LeftWithout(usize),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Tail => write!(f, "tail"),
            Operation::Head => write!(f, "head"),
            Operation::YearOf => write!(f, "year_of"),
            Operation::YearsBetween(at) => write!(f, "years_between {at}"),
            Operation::EarlierOf(at) => write!(f, "earlier_of {at}"),
            Operation::LaterOf(at) => write!(f, "later_of {at}"),
            Operation::LargerOf(at) => write!(f, "larger_of {at}"),
            Operation::Count(at) => write!(f, "count {at}"),
            Operation::CountWithout(at) => write!(f, "count_without {at}"),
            Operation::LeftWithout(at) => write!(f, "left_without {at}"),
        }
    }
}

impl FromStr for Operation {
    type Err = ();

    fn from_str(text: &str) -> Result<Operation, ()> {
        let (name, at) = match text.split_once(' ') {
            Some((name, at)) => (name, Some(at.parse::<usize>().map_err(drop)?)),
            None => (text, None),
        };
        Ok(match (name, at) {
            ("tail", None) => Operation::Tail,
            ("head", None) => Operation::Head,
            ("year_of", None) => Operation::YearOf,
            ("years_between", Some(at)) => Operation::YearsBetween(at),
            ("earlier_of", Some(at)) => Operation::EarlierOf(at),
            ("later_of", Some(at)) => Operation::LaterOf(at),
            ("larger_of", Some(at)) => Operation::LargerOf(at),
            ("count", Some(at)) => Operation::Count(at),
            ("count_without", Some(at)) => Operation::CountWithout(at),
            ("left_without", Some(at)) => Operation::LeftWithout(at),
            _ => return Err(()),
        })
    }
}

/// The answer that a path proves; none where a fact is missing, is not stated by its evidence, does not join the others, or the operation
/// is unknown. A fact that stands in several steps is stated in several places.
pub fn evaluate(proof: &Proof, evidence: &[Evidence]) -> Option<String> {
    answer(proof, evidence, None)
}

/// What [`evaluate`] gives once evidence `missing` is gone, and with it every other evidence that states one of its facts.
pub fn evaluate_without(proof: &Proof, evidence: &[Evidence], missing: usize) -> Option<String> {
    answer(proof, evidence, Some(missing))
}

fn answer(proof: &Proof, evidence: &[Evidence], missing: Option<usize>) -> Option<String> {
    let Proof::Path { steps, operation, .. } = proof else { return None };
    let operation: Operation = operation.parse().ok()?;
    let gone: Vec<&Step> = steps.iter().filter(|step| Some(step.3) == missing).collect();
    let stands = |step: &&Step| {
        let stated = evidence.get(step.3).is_some_and(|evidence| states(&evidence.quote, &step.2));
        stated && !gone.iter().any(|other| same(other, step))
    };
    let standing: Vec<Option<&Step>> = steps.iter().map(|step| Some(step).filter(stands)).collect();
    compute(operation, &standing)
}

fn same(a: &Step, b: &Step) -> bool {
    (&a.0, &a.1, &a.2) == (&b.0, &b.1, &b.2)
}

fn compute(operation: Operation, steps: &[Option<&Step>]) -> Option<String> {
    let halves = |at: usize| (at <= steps.len()).then(|| steps.split_at(at));
    match operation {
        Operation::Tail => chain(steps, true).map(|step| step.2.clone()),
        Operation::Head => chain(steps, false).map(|step| step.0.clone()),
        Operation::YearOf => chain(steps, true).and_then(|step| year(&step.2)).map(|year| year.to_string()),
        Operation::YearsBetween(at) => {
            let (first, second) = halves(at)?;
            let (first, second) = (year(&chain(first, true)?.2)?, year(&chain(second, true)?.2)?);
            Some(first.abs_diff(second).to_string())
        }
        Operation::EarlierOf(at) => compared(halves(at)?, |step| Some(-f64::from(year(&step.2)?))),
        Operation::LaterOf(at) => compared(halves(at)?, |step| Some(f64::from(year(&step.2)?))),
        Operation::LargerOf(at) => compared(halves(at)?, |step| number(&step.2)),
        Operation::Count(at) => {
            let (path, set) = halves(at)?;
            Some(gathered(set, &ends(path)?)?.len().to_string())
        }
        Operation::CountWithout(at) => Some(left(halves(at)?)?.len().to_string()),
        Operation::LeftWithout(at) => match left(halves(at)?)?.as_slice() {
            [one] => Some((*one).to_string()),
            _ => None,
        },
    }
}

/// The last fact of a path all of whose facts stand and hang together; it must be reached from the end that is not asked for.
fn chain<'a>(steps: &[Option<&'a Step>], to_tail: bool) -> Option<&'a Step> {
    let steps: Vec<&Step> = steps.iter().copied().collect::<Option<_>>()?;
    let last = *steps.last()?;
    let earlier: Vec<&Step> = steps.iter().copied().filter(|step| !same(step, last)).collect();
    let known = joined(&earlier)?;
    let near = if to_tail { &last.0 } else { &last.2 };
    (earlier.is_empty() || known.contains(near.as_str())).then_some(last)
}

/// The entities of facts that hang together in their order; none where one does not join those before it.
fn joined<'a>(steps: &[&'a Step]) -> Option<BTreeSet<&'a str>> {
    let mut known = BTreeSet::new();
    for step in steps {
        let joins = known.is_empty() || known.contains(step.0.as_str()) || known.contains(step.2.as_str());
        if !joins {
            return None;
        }
        known.extend([step.0.as_str(), step.2.as_str()]);
    }
    Some(known)
}

/// The entities of a whole path.
fn ends<'a>(steps: &[Option<&'a Step>]) -> Option<BTreeSet<&'a str>> {
    joined(&steps.iter().copied().collect::<Option<Vec<_>>>()?)
}

/// The entities that the facts of a set join to their common one, which must lie on the path that leads to it, where there is a path.
/// Facts of the set that are missing are not counted.
fn gathered<'a>(set: &[Option<&'a Step>], path: &BTreeSet<&str>) -> Option<BTreeSet<&'a str>> {
    let facts: Vec<&Step> = set.iter().flatten().copied().collect();
    let relation = &facts.first()?.1;
    if facts.iter().any(|fact| &fact.1 != relation) {
        return None;
    }
    let allowed = |centre: &str| path.is_empty() || path.contains(centre);
    let tail = facts.iter().all(|fact| fact.2 == facts[0].2) && allowed(&facts[0].2);
    let head = facts.iter().all(|fact| fact.0 == facts[0].0) && allowed(&facts[0].0);
    match (tail, head) {
        (true, _) => Some(facts.iter().map(|fact| fact.0.as_str()).collect()),
        (_, true) => Some(facts.iter().map(|fact| fact.2.as_str()).collect()),
        _ => None,
    }
}

/// The entities of a set without the one that the path of the second part ends at; none where that one is not among them.
fn left<'a>((set, path): (&[Option<&'a Step>], &[Option<&'a Step>])) -> Option<Vec<&'a str>> {
    let members = gathered(set, &BTreeSet::new())?;
    let last = [chain(path, true), chain(path, false)];
    let reached = [last[0].map(|step| step.2.as_str()), last[1].map(|step| step.0.as_str())];
    let gone: BTreeSet<&str> = reached.into_iter().flatten().filter(|end| members.contains(end)).collect();
    if gone.len() != 1 {
        return None;
    }
    Some(members.difference(&gone).copied().collect())
}

fn compared<'a>(
    (first, second): (&[Option<&'a Step>], &[Option<&'a Step>]),
    measure: impl Fn(&Step) -> Option<f64>,
) -> Option<String> {
    let (first, second) = (chain(first, true)?, chain(second, true)?);
    let (a, b) = (measure(first)?, measure(second)?);
    if a == b {
        return None;
    }
    Some(if a > b { first } else { second }.0.clone())
}

/// The year that a text names: its only run of exactly four digits between 1000 and 2199.
pub fn year(text: &str) -> Option<u32> {
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 4);
    let mut years = runs.filter_map(|run| run.parse().ok()).filter(|year| (1000..2200).contains(year));
    let year = years.next()?;
    years.next().is_none().then_some(year)
}

/// The number that a text is, with or without commas between thousands.
pub fn number(text: &str) -> Option<f64> {
    let plain: String = text.trim().chars().filter(|&c| c != ',').collect();
    let digits = plain.chars().any(|c| c.is_ascii_digit());
    let allowed = plain.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    if digits && allowed { plain.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

/// Whether a quote names an entity: the whole name, or the last part of a dotted name or of a path without its ending.
pub fn states(quote: &str, name: &str) -> bool {
    let (quote, name) = (plain(quote), plain(name));
    !name.is_empty()
        && (contains_word(&quote, &name) || last_part(&name).is_some_and(|part| contains_word(&quote, part)))
}

/// Lower case, with one space between words and without marks of emphasis and of escape.
fn plain(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !matches!(c, '*' | '`' | '|' | '\\')).collect();
    clean.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

fn last_part(name: &str) -> Option<&str> {
    if name.contains(char::is_whitespace) || !name.contains(['/', '.', ':']) {
        return None;
    }
    let path = if name.contains('/') { name.rsplit_once('.').map_or(name, |(path, _)| path) } else { name };
    path.rsplit(['/', '.', ':']).find(|part| part.len() > 1 && !matches!(*part, "__init__" | "mod" | "index" | "lib"))
}

/// Whether `word` stands in `text` with no letter, digit or underscore right before or after it.
pub fn contains_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        let opens = inside(word.chars().next()) && inside(before);
        let closes = inside(word.chars().next_back()) && inside(after);
        !opens && !closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Style;
    use crate::graph::{Asked, Goal, Plan};
    use longlab_documents::{Hash, Span};

    /// What the evaluation does not look at.
    fn nothing() -> Box<Asked> {
        let plan = Plan { style: Style::MultiFact, goal: Goal::End, parts: vec![], set: vec![] };
        Box::new(Asked { entities: vec![], relations: vec![], facts: vec![], plan, way: 0, nested: 0, queries: vec![] })
    }

    fn proof(facts: &[(&str, &str, &str)], operation: &str) -> (Proof, Vec<Evidence>) {
        let steps = facts.iter().enumerate();
        let steps = steps.map(|(i, f)| (f.0.into(), f.1.into(), f.2.into(), i)).collect();
        let evidence = facts.iter().map(|f| Evidence {
            document: Hash("x".into()),
            span: Span { start: 0, end: 1 },
            quote: format!("{} {} {}", f.0, f.1, f.2),
        });
        (Proof::Path { steps, operation: operation.into(), asked: nothing() }, evidence.collect())
    }

    #[test]
    fn a_chain_needs_every_fact() {
        let (path, evidence) = proof(&[("Paris", "country", "France"), ("France", "currency", "Euro")], "tail");
        assert_eq!(evaluate(&path, &evidence).as_deref(), Some("Euro"));
        assert_eq!(evaluate_without(&path, &evidence, 0), None);
        assert_eq!(evaluate_without(&path, &evidence, 1), None);
        assert_eq!(evaluate(&path, &evidence[..1]), None);
    }

    #[test]
    fn a_path_that_does_not_hang_together_proves_nothing() {
        let (path, evidence) = proof(&[("Paris", "country", "France"), ("Spain", "currency", "Euro")], "tail");
        assert_eq!(evaluate(&path, &evidence), None);
        // The near end of the last fact must be the joined one: asked for the head, France is what is known.
        let (path, evidence) = proof(&[("Paris", "country", "France"), ("France", "currency", "Euro")], "head");
        assert_eq!(evaluate(&path, &evidence), None);
    }

    #[test]
    fn a_fact_stated_twice_goes_with_both_of_its_places() {
        let facts = [("B", "imports", "C"), ("B", "imports", "C"), ("A", "imports", "B")];
        let (path, evidence) = proof(&facts, "head");
        assert_eq!(evaluate(&path, &evidence).as_deref(), Some("A"));
        assert_eq!(evaluate_without(&path, &evidence, 0), None);
        let (set, evidence) = proof(&[("A", "imports", "C"), ("A", "imports", "C"), ("B", "imports", "C")], "count 0");
        assert_eq!(evaluate(&set, &evidence).as_deref(), Some("2"));
        assert_eq!(evaluate_without(&set, &evidence, 1).as_deref(), Some("1"));
    }

    #[test]
    fn years_are_compared_and_subtracted() {
        let facts = [("Alpha", "founded", "3 May 1887"), ("Beta", "founded", "1901")];
        let ask = |operation| proof(&facts, operation);
        let answer = |(path, evidence): (Proof, Vec<Evidence>)| evaluate(&path, &evidence);
        assert_eq!(answer(ask("years_between 1")).as_deref(), Some("14"));
        assert_eq!(answer(ask("earlier_of 1")).as_deref(), Some("Alpha"));
        assert_eq!(answer(ask("later_of 1")).as_deref(), Some("Beta"));
        assert_eq!(answer(ask("later_of 7")), None);
        assert_eq!(answer(ask("later_of x")), None);
        assert_eq!(answer(proof(&[("Alpha", "founded", "1887")], "year_of")).as_deref(), Some("1887"));
    }

    #[test]
    fn what_is_left_once_one_is_gone() {
        let facts = [("a.py", "imports", "core.py"), ("b.py", "imports", "core.py"), ("b.py", "defines", "Beta")];
        let (path, evidence) = proof(&facts, "left_without 2");
        assert_eq!(evaluate(&path, &evidence).as_deref(), Some("a.py"));
        for missing in 0..3 {
            assert_ne!(evaluate_without(&path, &evidence, missing).as_deref(), Some("a.py"), "{missing}");
        }
        let (path, evidence) = proof(&facts, "count_without 2");
        assert_eq!(evaluate(&path, &evidence).as_deref(), Some("1"));
    }

    #[test]
    fn evidence_must_state_the_fact() {
        let (path, mut evidence) = proof(&[("Paris", "country", "France")], "tail");
        evidence[0].quote = "Paris lies in Francelia".into();
        assert_eq!(evaluate(&path, &evidence), None);
        assert!(states("from pkg.core import x", "src/pkg/core.py") && states("class B(base.A):", "A"));
        assert!(states("import pkg", "src/pkg/__init__.py") && !states("import package", "src/pkg/__init__.py"));
        assert!(!states("", "") && !states("x", ""));
    }

    #[test]
    fn years_and_numbers_are_read_whole() {
        assert_eq!(
            (year("12 March 1987"), year("1987-1990"), year("19870"), year("0042")),
            (Some(1987), None, None, None)
        );
        assert_eq!(
            (number("1,234.5"), number("-3"), number("12 km"), number("e"), number("1e999")),
            (Some(1234.5), Some(-3.0), None, None, None)
        );
    }

    #[test]
    fn operations_are_written_and_read_alike() {
        use Operation::*;
        for operation in [
            Tail,
            Head,
            YearOf,
            YearsBetween(1),
            EarlierOf(2),
            LaterOf(3),
            LargerOf(4),
            Count(0),
            CountWithout(5),
            LeftWithout(6),
        ] {
            assert_eq!(operation.to_string().parse(), Ok(operation));
        }
    }
}
