//! Questions in words. The wordings stand in `templates/graph_*.j2`; names reach them as values and are never read as templates.

use super::network::{Edge, Hop, Network, Node};
use super::plan::{Goal, Part, Plan, Start};
use super::sentence::is_intransitive;
use super::triplet::Family;
use crate::Style;
use crate::error::SynthesisError;
use longlab_kernels::stream::Stream;
use minijinja::{AutoEscape, Environment, Value, context};

const TEMPLATES: [(&str, &str); 8] = [
    ("graph_extract.j2", include_str!("../templates/graph_extract.j2")),
    ("graph_phrase.j2", include_str!("../templates/graph_phrase.j2")),
    ("graph_clause.j2", include_str!("../templates/graph_clause.j2")),
    ("graph_start.j2", include_str!("../templates/graph_start.j2")),
    ("graph_multi_fact.j2", include_str!("../templates/graph_multi_fact.j2")),
    ("graph_temporal.j2", include_str!("../templates/graph_temporal.j2")),
    ("graph_causal.j2", include_str!("../templates/graph_causal.j2")),
    ("graph_hypothetical.j2", include_str!("../templates/graph_hypothetical.j2")),
];
/// Most steps that a template may take.
const FUEL: u64 = 100_000;
/// Wordings of each relation and question.
const WAYS: usize = 3;

/// The templates, read.
pub struct Wording {
    environment: Environment<'static>,
}

impl Wording {
    /// Reads the templates.
    ///
    /// # Errors
    /// Where one of them is no template.
    pub fn new() -> Result<Wording, SynthesisError> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        for (name, text) in TEMPLATES {
            environment.add_template(name, text).map_err(|error| failed(name, &error))?;
        }
        Ok(Wording { environment })
    }

    /// One of the ways to put a question, drawn.
    pub fn way(stream: &mut Stream) -> usize {
        stream.below(WAYS)
    }

    /// A plan in words; paths of more than `nested` hops are told hop by hop.
    ///
    /// # Errors
    /// Where a template fails.
    pub fn question(
        &self,
        network: &Network,
        plan: &Plan,
        (way, nested): (usize, usize),
    ) -> Result<String, SynthesisError> {
        let mut writer = Writer { wording: self, network, way: way % WAYS, nested };
        writer.question(plan)
    }

    /// What a model that reads facts is asked; blanks and lines stay as they are.
    pub(super) fn prompt(&self, values: Value) -> Result<String, SynthesisError> {
        let name = "graph_extract.j2";
        let rendered = self.environment.get_template(name).and_then(|template| template.render(values));
        rendered.map_err(|error| failed(name, &error))
    }

    fn render(&self, name: &'static str, values: Value) -> Result<String, SynthesisError> {
        let rendered = self.environment.get_template(name).and_then(|template| template.render(values));
        let text = rendered.map_err(|error| failed(name, &error))?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

fn failed(name: &str, error: &minijinja::Error) -> SynthesisError {
    SynthesisError::Template { name: name.into(), reason: error.to_string() }
}

/// The identity of all templates of questions, for the keys of what is made with them.
pub fn version() -> String {
    let mut hasher = blake3::Hasher::new();
    TEMPLATES.iter().for_each(|(name, text)| {
        hasher.update(name.as_bytes());
        hasher.update(text.as_bytes());
    });
    hasher.finalize().to_hex().to_string()
}

struct Writer<'a> {
    wording: &'a Wording,
    network: &'a Network,
    way: usize,
    nested: usize,
}

impl Writer<'_> {
    fn question(&mut self, plan: &Plan) -> Result<String, SynthesisError> {
        let parts = plan.parts.iter().map(|part| self.part(part)).collect::<Result<Vec<_>, _>>()?;
        let owners = plan.parts.iter().map(|part| self.owner(part)).collect::<Result<Vec<_>, _>>()?;
        let last = plan.parts[0].hops.last().or(plan.set.first());
        let last = last.map(|hop| self.relation(hop.edge, hop.forward, self.network.to(*hop)));
        let group = plan.set.first().map(|hop| self.relation(hop.edge, hop.forward, self.network.to(*hop)));
        let centre = plan.set.first().map(|hop| self.named(self.network.from(*hop)));
        let answer = self.answer_kind(plan);
        let supposed = self.supposed(plan)?;
        let upstream = plan.parts[0].hops.last().is_some_and(|hop| self.is_upstream(*hop));
        let goal = goal_name(&plan.goal);
        let way = self.way;
        let values = context! { goal, way, parts, owners, last, group, centre, answer, supposed, upstream };
        let name = match plan.style {
            Style::MultiFact => "graph_multi_fact.j2",
            Style::Temporal => "graph_temporal.j2",
            Style::Causal => "graph_causal.j2",
            Style::Hypothetical => "graph_hypothetical.j2",
        };
        Ok(capitalised(&self.wording.render(name, values)?))
    }

    /// A part: its start, its hops one by one, and all of it in one phrase.
    fn part(&self, part: &Part) -> Result<Value, SynthesisError> {
        let start = self.start(&part.start)?;
        let steps = part.hops.iter().map(|hop| self.phrase(*hop, "it", false, true)).collect::<Result<Vec<_>, _>>()?;
        let whole = self.whole(&start, &part.hops, &part.start)?;
        Ok(context! { nested => part.hops.len() <= self.nested, start, steps, whole })
    }

    /// The part without its last hop, in one phrase: what the last fact is about.
    fn owner(&self, part: &Part) -> Result<String, SynthesisError> {
        let start = self.start(&part.start)?;
        self.whole(&start, &part.hops[..part.hops.len().saturating_sub(1)], &part.start)
    }

    fn whole(&self, start: &str, hops: &[Hop], told: &Start) -> Result<String, SynthesisError> {
        let mut phrase = start.to_string();
        for (at, hop) in hops.iter().enumerate() {
            let raw = at == 0
                && matches!(told, Start::Named(_))
                && is_quoted(self.network.relation(hop.edge).family, hop.forward);
            let x = if raw { self.network.entity(told.node()).name.to_string() } else { phrase };
            let long = at > 0 || !matches!(told, Start::Named(_));
            phrase = self.phrase(*hop, &x, long, false)?;
        }
        Ok(phrase)
    }

    /// Where a hop leads, told by where it comes from; `long` where that is itself a phrase, `pronoun` where it is `it`.
    fn phrase(&self, hop: Hop, x: &str, long: bool, pronoun: bool) -> Result<String, SynthesisError> {
        let relation = self.relation(hop.edge, hop.forward, self.network.to(hop));
        self.wording.render("graph_phrase.j2", context! { x, long, pronoun, way => self.way, ..relation })
    }

    fn start(&self, start: &Start) -> Result<String, SynthesisError> {
        let node = start.node();
        let noun = self.network.noun(node);
        match start {
            Start::Named(node) => Ok(self.named(*node)),
            Start::Described(_, hops) if hops.len() == 1 => {
                let x = self.said(hops[0]);
                self.phrase(hops[0], &x, false, false)
            }
            Start::Described(_, hops) => {
                let clauses = hops.iter().map(|hop| self.clause(*hop)).collect::<Result<Vec<_>, _>>()?;
                self.wording.render("graph_start.j2", context! { how => "described", noun, clauses })
            }
            Start::Institutional(_, [kind, place]) => {
                let name = |hop: &Hop| &*self.network.entity(self.network.from(*hop)).name;
                let (kind, place) = (name(kind), name(place));
                self.wording.render("graph_start.j2", context! { how => "institutional", noun, kind, place })
            }
            Start::Temporal(_, edge, period) => {
                let relation = self.relation(*edge, false, node);
                let (digit, period) = (period.digit, period.to_string());
                self.wording.render("graph_start.j2", context! { how => "temporal", digit, period, ..relation })
            }
        }
    }

    /// What holds of where a hop leads, told by where it comes from.
    fn clause(&self, hop: Hop) -> Result<String, SynthesisError> {
        let relation = self.relation(hop.edge, hop.forward, self.network.to(hop));
        self.wording.render("graph_clause.j2", context! { x => self.said(hop), ..relation })
    }

    /// The entity that a hop comes from, as its relation wants it said.
    fn said(&self, hop: Hop) -> String {
        let from = self.network.from(hop);
        let quoted = is_quoted(self.network.relation(hop.edge).family, hop.forward);
        if quoted { self.network.entity(from).name.to_string() } else { self.named(from) }
    }

    /// An entity by its name: code in backticks, pages in quotes, with their noun.
    fn named(&self, node: Node) -> String {
        let (entity, noun) = (self.network.entity(node), self.network.noun(node));
        match noun {
            "class" | "function" | "struct" | "enum" | "union" | "trait" | "macro" | "constant" | "type" | "module"
            | "file" => {
                format!("the {noun} `{}`", entity.name)
            }
            "page" | "section" => format!("the {noun} “{}”", entity.name),
            _ if entity.code => format!("`{}`", entity.name),
            // A phrase that is no name would run into the sentence around it.
            _ if entity.name.split(' ').count() > 4 || entity.name.contains([',', ';', ':']) && !entity.value => {
                format!("“{}”", entity.name)
            }
            _ => entity.name.to_string(),
        }
    }

    /// What the templates know of a relation.
    fn relation(&self, edge: Edge, forward: bool, to: Node) -> Value {
        let relation = self.network.relation(edge);
        let noun = self.network.noun(to);
        let (family, name) = (relation.family.name(), spoken_relation(&relation.text));
        let plain = is_plain(&relation.text);
        let verb = relation.text.to_lowercase();
        let auxiliary = if is_intransitive(&verb) { "" } else { "was " };
        let tail = self.network.entity(self.network.ends(edge).1);
        let dated = tail.name.contains(' ');
        let tail_noun = self.network.noun(self.network.ends(edge).1);
        context! { family, forward, noun, name, plain, verb, auxiliary, dated, tail_noun }
    }

    /// What kind of answer is wanted.
    fn answer_kind(&self, plan: &Plan) -> Value {
        let noun_of = |node: Node| (self.network.noun(node), "");
        let (noun, value) = match (&plan.goal, plan.parts[0].hops.last()) {
            (Goal::LeftWithout, _) => noun_of(self.network.to(plan.set[0])),
            (Goal::Earlier | Goal::Later | Goal::Larger, Some(hop)) => noun_of(self.network.from(*hop)),
            (_, Some(hop)) => (self.network.noun(self.network.to(*hop)), self.value_kind(*hop)),
            _ => ("", ""),
        };
        context! { noun, value }
    }

    /// What a value that a hop leads to is; empty where it leads to a name.
    fn value_kind(&self, hop: Hop) -> &'static str {
        let entity = self.network.entity(self.network.to(hop));
        match (entity.value, self.network.year(hop.edge)) {
            (false, _) => "",
            (true, Some(year)) if *entity.name == *year.to_string() => "year",
            (true, Some(_)) => "date",
            (true, None) => "value",
        }
    }

    /// The supposition of a plan: whom it is about, its relation, and where the path then leads.
    fn supposed(&self, plan: &Plan) -> Result<Value, SynthesisError> {
        let Goal::Supposed(other) = plan.goal else { return Ok(Value::from(())) };
        let part = &plan.parts[0];
        let other = self.named(other);
        let first = part.hops[0];
        let instead = self.phrase(first, &other, false, false)?;
        let start = self.start(&part.start)?;
        let nested = part.hops.len() <= self.nested + 1;
        let mut whole = instead.clone();
        for hop in &part.hops[1..] {
            whole = self.phrase(*hop, &whole, true, false)?;
        }
        let steps =
            part.hops[1..].iter().map(|hop| self.phrase(*hop, "it", false, true)).collect::<Result<Vec<_>, _>>()?;
        let relation = self.relation(first.edge, true, self.network.to(first));
        Ok(context! { other, start, instead, whole, nested, steps, ..relation })
    }

    fn is_upstream(&self, hop: Hop) -> bool {
        hop.forward != (self.network.relation(hop.edge).family == Family::Cause)
    }
}

/// With a capital at the beginning, unless the first word is code.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn goal_name(goal: &Goal) -> &'static str {
    match goal {
        Goal::End => "end",
        Goal::Year => "year",
        Goal::YearsBetween => "years_between",
        Goal::Earlier => "earlier",
        Goal::Later => "later",
        Goal::Larger => "larger",
        Goal::Count => "count",
        Goal::CountWithout => "count_without",
        Goal::LeftWithout => "left_without",
        Goal::Unused => "unused",
        Goal::Supposed(_) => "supposed",
    }
}

/// Relations that put the other end in quotes themselves.
fn is_quoted(family: Family, forward: bool) -> bool {
    matches!(family, Family::Section | Family::Definition) && !forward
}

/// Whether `the NAME of X` reads well: one to four words of letters, the last of them neither a participle nor a plural.
fn is_plain(name: &str) -> bool {
    const OPEN_ENDS: [&str; 11] = ["by", "of", "in", "on", "to", "at", "for", "from", "with", "is", "has"];
    const PARTICIPLES: [&str; 4] = ["built", "born", "written", "made"];
    let words: Vec<&str> = name.split(' ').collect();
    let letters = name.chars().all(|c| c.is_alphabetic() || c == ' ');
    let last = words.last().map(|word| word.to_lowercase()).unwrap_or_default();
    let participle = last.ends_with("ed") || last.ends_with("ing") || PARTICIPLES.contains(&last.as_str());
    let plural = last.ends_with('s') && crate::name::singular(&last) != last;
    let noun = !participle && !plural && !OPEN_ENDS.contains(&last.as_str());
    letters && noun && words.len() <= 4 && last.chars().count() >= 3
}

/// A relation's name inside a sentence: words with one capital at the beginning in small letters, short forms as they are.
fn spoken_relation(name: &str) -> String {
    if !is_plain(name) {
        return name.to_string();
    }
    let word = |word: &str| match word.chars().skip(1).all(char::is_lowercase) && word.chars().count() > 1 {
        true => word.to_lowercase(),
        false => word.to_string(),
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_said_as_they_read_best() {
        let said = [
            ("Longest River", "longest river"),
            ("GDP", "GDP"),
            ("Founded", "Founded"),
            ("Houses", "Houses"),
            ("tool_type", "tool_type"),
        ];
        for (name, spoken) in said {
            assert_eq!(spoken_relation(name), spoken);
        }
        assert!(
            is_plain("capital")
                && !is_plain("Founded")
                && !is_plain("houses")
                && !is_plain("size (km)")
                && !is_plain("located in")
        );
    }

    #[test]
    fn templates_are_whole() {
        assert!(Wording::new().is_ok());
        assert_eq!(capitalised("élan"), "Élan");
        assert_eq!(capitalised(""), "");
    }
}
