//! Facts of one sample: a small functional graph of people, companies and cities, and yearly figures of companies.

use super::lexicon as lex;
use longlab_kernels::stream::Stream;
use std::collections::BTreeSet;

/// What kind of thing a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A person.
    Person,
    /// A company.
    Company,
    /// A city.
    City,
    /// A drink, animal, product or river: a value that has no facts of its own.
    Drink,
    /// See [`Kind::Drink`].
    Animal,
    /// See [`Kind::Drink`].
    Product,
    /// See [`Kind::Drink`].
    River,
}

impl Kind {
    /// All names of the kind.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Kind::Person => &lex::PEOPLE,
            Kind::Company => &lex::COMPANIES,
            Kind::City => &lex::CITIES,
            Kind::Drink => &lex::DRINKS,
            Kind::Animal => &lex::ANIMALS,
            Kind::Product => &lex::PRODUCTS,
            Kind::River => &lex::RIVERS,
        }
    }
}

/// A relation: from one kind to another, with its noun and two paraphrases (`{h}` head, `{t}` tail).
#[derive(Debug, PartialEq)]
pub struct Relation {
    /// Kind of the head.
    pub head: Kind,
    /// Kind of the tail.
    pub tail: Kind,
    /// Noun in "the NOUN of HEAD is TAIL".
    pub noun: &'static str,
    /// Other ways to say it.
    pub phrases: [&'static str; 2],
}

const fn relation(head: Kind, tail: Kind, noun: &'static str, phrases: [&'static str; 2]) -> Relation {
    Relation { head, tail, noun, phrases }
}

/// All relations of the world.
pub const RELATIONS: [Relation; 11] = [
    relation(Kind::Person, Kind::Company, "employer", ["{h} works at {t}.", "{h} earns a living with {t}."]),
    relation(Kind::Person, Kind::Person, "mentor", ["{h} was taught by {t}.", "{h} learned the trade from {t}."]),
    relation(Kind::Person, Kind::Person, "friend", ["{h} often walks with {t}.", "{h} trusts {t}."]),
    relation(Kind::Person, Kind::City, "home", ["{h} lives in {t}.", "{h} has a flat in {t}."]),
    relation(Kind::Person, Kind::Drink, "drink", ["{h} always orders {t}.", "{h} likes to sip {t}."]),
    relation(Kind::Person, Kind::Animal, "pet", ["{h} keeps a {t}.", "{h} feeds a {t}."]),
    relation(Kind::Company, Kind::City, "seat", ["{h} is based in {t}.", "{h} has its office in {t}."]),
    relation(Kind::Company, Kind::Person, "founder", ["{h} was started by {t}.", "{h} was set up by {t}."]),
    relation(Kind::Company, Kind::Product, "product", ["{h} makes {t}.", "{h} sells {t}."]),
    relation(Kind::City, Kind::Person, "mayor", ["{h} is governed by {t}.", "{h} elected {t}."]),
    relation(Kind::City, Kind::River, "river", ["{h} lies on the {t}.", "{h} drinks from the {t}."]),
];

/// One fact: the `relation` of `head` is `tail`. `form` 0 is the plain wording, 1 and 2 are paraphrases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// Index into [`RELATIONS`].
    pub relation: usize,
    /// Name of the head.
    pub head: &'static str,
    /// Name of the tail.
    pub tail: &'static str,
    /// Wording in the documents.
    pub form: usize,
}

impl Fact {
    /// The relation.
    pub fn rel(&self) -> &'static Relation {
        &RELATIONS[self.relation]
    }

    /// The plain statement, without a full stop: "the employer of Anna is Kappa".
    pub fn plain(&self) -> String {
        format!("the {} of {} is {}", self.rel().noun, self.head, self.tail)
    }

    /// The sentence in the documents.
    pub fn sentence(&self) -> String {
        match self.form {
            0 => format!("The {} of {} is {}.", self.rel().noun, self.head, self.tail),
            form => self.rel().phrases[form - 1].replace("{h}", self.head).replace("{t}", self.tail),
        }
    }
}

/// A yearly figure: `company` earned `amount` (10 to 99) in `year`. `form` 0 is a table row, 1 and 2 are prose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Name of the company.
    pub company: &'static str,
    /// Year.
    pub year: u32,
    /// Amount.
    pub amount: u32,
    /// Wording in the documents.
    pub form: usize,
}

/// The wording of a figure that traces use.
pub const PLAIN_FIGURE: usize = 1;

impl Figure {
    /// The sentence or row in the documents.
    pub fn sentence(&self) -> String {
        let Figure { company, year, amount, form } = self;
        match form {
            0 => format!("| {company} | {year} | {amount} |"),
            1 => format!("{company} in {year} earned {amount}."),
            _ => format!("The income of {company} in {year} is {amount}."),
        }
    }

    /// How questions name the row.
    pub fn name(&self) -> String {
        format!("{} in {}", self.company, self.year)
    }
}

/// Draws about `count` facts: a functional graph over a cast that grows with `count`.
pub fn draw_facts(stream: &mut Stream, count: usize, max_form: usize) -> Vec<Fact> {
    let cast = Cast::draw(stream, count);
    let mut taken = BTreeSet::new();
    let mut facts = Vec::new();
    for _ in 0..count * 8 {
        if facts.len() == count {
            break;
        }
        let relation = stream.below(RELATIONS.len());
        let rel = &RELATIONS[relation];
        let head = *stream.pick(cast.of(rel.head));
        let tail = *stream.pick(cast.of(rel.tail));
        if head != tail && taken.insert((relation, head)) {
            facts.push(Fact { relation, head, tail, form: stream.below(max_form + 1) });
        }
    }
    facts
}

struct Cast {
    people: Vec<&'static str>,
    companies: Vec<&'static str>,
    cities: Vec<&'static str>,
}

impl Cast {
    fn draw(stream: &mut Stream, facts: usize) -> Cast {
        let mut some = |names: &'static [&'static str], n: usize| -> Vec<&'static str> {
            stream.choose_distinct(names.len(), n.min(names.len())).into_iter().map(|i| names[i]).collect()
        };
        Cast {
            people: some(&lex::PEOPLE, 3 + facts / 4),
            companies: some(&lex::COMPANIES, 2 + facts / 8),
            cities: some(&lex::CITIES, 2 + facts / 8),
        }
    }

    fn of(&self, kind: Kind) -> &[&'static str] {
        match kind {
            Kind::Person => &self.people,
            Kind::Company => &self.companies,
            Kind::City => &self.cities,
            other => other.names(),
        }
    }
}

/// Draws `count` yearly figures, one or two a company: a company alone names its figure in some cases, in others the year decides.
pub fn draw_figures(stream: &mut Stream, count: usize) -> Vec<Figure> {
    let all = lex::COMPANIES.len();
    let order = stream.choose_distinct(all, all);
    let mut figures: Vec<Figure> = Vec::with_capacity(count);
    // The companies in turn, each with years of its own.
    for n in 0..count.min(all * lex::YEARS.len()) {
        let company = lex::COMPANIES[order[n % all]];
        let free: Vec<u32> = lex::YEARS
            .into_iter()
            .filter(|&year| !figures.iter().any(|f| f.company == company && f.year == year))
            .collect();
        let year = *stream.pick(&free);
        figures.push(Figure { company, year, amount: stream_amount(stream), form: stream.below(3) });
    }
    stream.shuffle(&mut figures);
    figures
}

fn stream_amount(stream: &mut Stream) -> u32 {
    10 + stream.below(90) as u32
}

/// A walk of `hops` facts in which each tail is the next head and no name comes twice.
pub fn walk(stream: &mut Stream, facts: &[Fact], hops: usize) -> Option<Vec<Fact>> {
    'tries: for _ in 0..64 {
        let mut path = vec![*stream.pick(facts)];
        let mut seen = vec![path[0].head, path[0].tail];
        while path.len() < hops {
            let here = path[path.len() - 1].tail;
            let next: Vec<&Fact> = facts.iter().filter(|f| f.head == here && !seen.contains(&f.tail)).collect();
            if next.is_empty() {
                continue 'tries;
            }
            let step = **stream.pick(&next);
            seen.push(step.tail);
            path.push(step);
        }
        return Some(path);
    }
    None
}
