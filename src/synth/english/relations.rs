//! The relations of the world, and the ways in which documents, questions and traces say them.

use super::names::Kind;

/// A relation from one kind to another. In all texts `{h}` is the head, `{t}` the tail, and `{x}` the head or a description of it.
#[derive(Debug, PartialEq)]
pub struct Relation {
    /// Kind of the head.
    pub head: Kind,
    /// Kind of the tail.
    pub tail: Kind,
    /// Clauses in which documents say it, without capital and full stop; the first is that of traces too.
    pub clauses: &'static [&'static str],
    /// Questions for the tail.
    pub questions: &'static [&'static str],
    /// A description of the tail, to be asked about further.
    pub description: &'static str,
}

/// All relations.
pub static RELATIONS: [Relation; 15] = [
    Relation {
        head: Kind::Person,
        tail: Kind::Firm,
        clauses: &[
            "{h} works for {t}",
            "{h} has a job at {t}",
            "{h} is on the payroll of {t}",
            "{t} employs {h}",
            "{h} goes to work at {t} every morning",
        ],
        questions: &["Which firm does {x} work for?", "Which firm employs {x}?", "Who is the employer of {x}?"],
        description: "the firm that {x} works for",
    },
    Relation {
        head: Kind::Person,
        tail: Kind::Town,
        clauses: &[
            "{h} lives in {t}",
            "{h} has a small house in {t}",
            "{h} rents a flat in {t}",
            "the home of {h} is in {t}",
            "{h} moved to {t} and stayed there",
        ],
        questions: &["In which town does {x} live?", "Which town is the home of {x}?", "Where does {x} live?"],
        description: "the town where {x} lives",
    },
    Relation {
        head: Kind::Person,
        tail: Kind::Instrument,
        clauses: &[
            "{h} plays the {t}",
            "{h} practises the {t} every evening",
            "{h} took up the {t} as a child and never stopped",
            "in the orchestra {h} is heard on the {t}",
        ],
        questions: &["Which instrument does {x} play?", "What instrument is played by {x}?"],
        description: "the instrument of {x}",
    },
    Relation {
        head: Kind::Person,
        tail: Kind::Person,
        clauses: &[
            "{h} learned the trade from {t}",
            "{h} was once the apprentice of {t}",
            "{t} taught {h} the trade",
            "all that {h} knows about the trade comes from {t}",
        ],
        questions: &["Who taught {x} the trade?", "From whom did {x} learn the trade?"],
        description: "the person who taught {x} the trade",
    },
    Relation {
        head: Kind::Person,
        tail: Kind::Person,
        clauses: &[
            "{h} reports to {t}",
            "{h} takes instructions from {t}",
            "the manager of {h} is {t}",
            "{t} manages the work of {h}",
        ],
        questions: &["Who is the manager of {x}?", "Who does {x} report to?"],
        description: "the manager of {x}",
    },
    Relation {
        head: Kind::Person,
        tail: Kind::Dish,
        clauses: &[
            "{h} likes {t} best",
            "the favourite dish of {h} is {t}",
            "for {h} it has to be {t} every time",
            "{h} never eats out without ordering {t}",
        ],
        questions: &["What is the favourite dish of {x}?", "Which dish does {x} like best?"],
        description: "the favourite dish of {x}",
    },
    Relation {
        head: Kind::Person,
        tail: Kind::Birth,
        clauses: &[
            "{h} was born in {t}",
            "{h} came into the world in {t}",
            "the year of birth of {h} is {t}",
            "the birth of {h} was entered in the register in {t}",
        ],
        questions: &["In which year was {x} born?", "What is the year of birth of {x}?"],
        description: "the year in which {x} was born",
    },
    Relation {
        head: Kind::Firm,
        tail: Kind::Town,
        clauses: &[
            "{h} is based in {t}",
            "{h} has its head office in {t}",
            "the head office of {h} stands in {t}",
            "{h} runs its business from {t}",
        ],
        questions: &["In which town is {x} based?", "Which town has the head office of {x}?"],
        description: "the town where {x} is based",
    },
    Relation {
        head: Kind::Firm,
        tail: Kind::Person,
        clauses: &[
            "{h} was founded by {t}",
            "{t} founded {h}",
            "{t} set up {h} with borrowed money",
            "it was {t} who started {h}",
        ],
        questions: &["Who founded {x}?", "Who is the founder of {x}?"],
        description: "the founder of {x}",
    },
    Relation {
        head: Kind::Firm,
        tail: Kind::Person,
        clauses: &[
            "{h} is run by {t}",
            "{t} is the director of {h}",
            "{t} is in charge of {h}",
            "the head of {h} is {t}",
        ],
        questions: &["Who runs {x}?", "Who is the director of {x}?"],
        description: "the director of {x}",
    },
    Relation {
        head: Kind::Firm,
        tail: Kind::Product,
        clauses: &[
            "{h} makes {t}",
            "{h} is known for its {t}",
            "{h} earns its money with {t}",
            "{h} specialises in {t}",
        ],
        questions: &["What does {x} make?", "What is produced by {x}?"],
        description: "the product of {x}",
    },
    Relation {
        head: Kind::Firm,
        tail: Kind::Founding,
        clauses: &[
            "{h} was founded in {t}",
            "{h} opened its doors in {t}",
            "{h} has been in business since {t}",
            "the founding year of {h} is {t}",
        ],
        questions: &["In which year was {x} founded?", "What is the founding year of {x}?"],
        description: "the founding year of {x}",
    },
    Relation {
        head: Kind::Town,
        tail: Kind::Person,
        clauses: &[
            "the mayor of {h} is {t}",
            "{t} is the mayor of {h}",
            "{h} elected {t} as its mayor",
            "the people of {h} chose {t} as their mayor",
        ],
        questions: &["Who is the mayor of {x}?", "Who was elected mayor of {x}?"],
        description: "the mayor of {x}",
    },
    Relation {
        head: Kind::Town,
        tail: Kind::River,
        clauses: &[
            "{h} lies on the River {t}",
            "the River {t} flows through {h}",
            "the river in {h} is the {t}",
            "{h} was built on the banks of the {t}",
        ],
        questions: &["Which river flows through {x}?", "On which river does {x} lie?"],
        description: "the river of {x}",
    },
    Relation {
        head: Kind::Town,
        tail: Kind::Day,
        clauses: &[
            "the market in {h} is held on {t}",
            "{h} has its market day on {t}",
            "{t} is market day in {h}",
            "the stalls of the market go up in {h} every {t}",
        ],
        questions: &["On which day is the market held in {x}?", "Which day is market day in {x}?"],
        description: "the market day of {x}",
    },
];

/// Relations that start from a kind, by their numbers.
pub fn from(kind: Kind) -> impl Iterator<Item = usize> {
    (0..RELATIONS.len()).filter(move |&relation| RELATIONS[relation].head == kind)
}

/// Whether a kind has facts of its own.
pub fn leads_on(kind: Kind) -> bool {
    matches!(kind, Kind::Person | Kind::Firm | Kind::Town)
}

/// A clause as a sentence of its own: a capital at its beginning and a full stop at its end.
pub fn sentence(clause: &str) -> String {
    format!("{}.", capitalised(clause))
}

/// The text with a capital at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
