//! Documents from facts: evidence spread over documents, idle sentences up to the wanted length.

use super::facts::{Fact, Figure, PLAIN_FIGURE, draw_facts, draw_figures};
use super::lexicon as lex;
use longlab_kernels::stream::Stream;

/// One exchange of a dialogue: a request for a piece and the piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Kind of piece (`poem`).
    pub form: &'static str,
    /// Topic of the piece (`cats`).
    pub topic: &'static str,
    /// The piece, words separated by blanks.
    pub piece: String,
    /// How many alike turns came before.
    pub ordinal: usize,
}

/// What a context is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// People, companies and cities.
    Facts(Vec<Fact>),
    /// Yearly figures.
    Figures(Vec<Figure>),
    /// A dialogue.
    Dialogue(Vec<Turn>),
}

/// The documents of one sample and the facts behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Rendered documents, without headings.
    pub documents: Vec<String>,
    /// What they say.
    pub body: Body,
}

/// The three kinds of context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextKind {
    /// See [`Body::Facts`].
    Facts,
    /// See [`Body::Figures`].
    Figures,
    /// See [`Body::Dialogue`].
    Dialogue,
}

/// How facts and figures are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// All as questions and traces say them.
    Plain,
    /// In all their wordings.
    Any,
}

/// Tokens of a text under the micro tokenizer: words, punctuation marks, years, numbers up to [`lex::MOST`], and the digits of others one by one.
pub fn count_tokens(text: &str) -> usize {
    let mut count = 0;
    let mut word = String::new();
    let flush = |word: &mut String, count: &mut usize| {
        *count += match word.parse::<u32>() {
            Ok(number) if number > lex::MOST && !lex::YEARS.contains(&number) => word.len(),
            _ => usize::from(!word.is_empty()),
        };
        word.clear();
    };
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() => word.push(c),
            c => {
                flush(&mut word, &mut count);
                count += usize::from(!c.is_whitespace());
            }
        }
    }
    flush(&mut word, &mut count);
    count
}

const HEADING_TOKENS: usize = 3;
const TOKENS_A_DOCUMENT: usize = 56;
/// More facts than this are not drawn, however long the context: idle sentences fill the rest.
const MOST_FACTS: usize = 28;
/// The same for yearly figures.
const MOST_FIGURES: usize = 10;

impl Context {
    /// Draws a context of about `tokens` tokens: within ten, dialogues (whole turns of some 23 tokens and small talk of some 15) within 21 and a twentieth.
    pub fn draw(stream: &mut Stream, kind: ContextKind, tokens: usize) -> Context {
        Context::worded(stream, kind, tokens, Wording::Any)
    }

    /// The same with facts and figures in a given wording.
    pub fn worded(stream: &mut Stream, kind: ContextKind, tokens: usize, wording: Wording) -> Context {
        match kind {
            ContextKind::Facts => {
                let count = (tokens * 6 / 80).clamp(3, MOST_FACTS);
                let forms = if wording == Wording::Plain { 0 } else { 2 };
                let facts = draw_facts(stream, count, forms);
                Context::of_facts(stream, facts, &[], tokens)
            }
            ContextKind::Figures => {
                let count = (tokens * 6 / 80).clamp(3, MOST_FIGURES);
                let mut figures = draw_figures(stream, count);
                if wording == Wording::Plain {
                    figures.iter_mut().for_each(|figure| figure.form = PLAIN_FIGURE);
                }
                let mut pages = Pages::new(tokens);
                for figure in &figures {
                    pages.add(stream, figure.sentence());
                }
                Context { documents: pages.fill(stream, tokens), body: Body::Figures(figures) }
            }
            ContextKind::Dialogue => {
                let turns = draw_turns(stream, tokens);
                let documents = with_small_talk(stream, turns.iter().map(render_turn).collect(), tokens);
                Context { documents, body: Body::Dialogue(turns) }
            }
        }
    }

    /// Renders given facts; those of `apart` are put into different documents where there are enough.
    pub fn of_facts(stream: &mut Stream, facts: Vec<Fact>, apart: &[Fact], tokens: usize) -> Context {
        let mut pages = Pages::new(tokens);
        let mut places = stream.choose_distinct(pages.len(), apart.len().min(pages.len())).into_iter();
        for fact in &facts {
            match apart.contains(fact).then(|| places.next()).flatten() {
                Some(page) => pages.add_to(page, fact.sentence()),
                None => pages.add(stream, fact.sentence()),
            }
        }
        Context { documents: pages.fill(stream, tokens), body: Body::Facts(facts) }
    }

    /// The context as it stands in the prompt.
    pub fn text(&self) -> String {
        match self.body {
            Body::Dialogue(_) => self.documents.join(" "),
            _ => {
                let titled = self.documents.iter().enumerate().map(|(i, text)| format!("Document {}: {text}", i + 1));
                titled.collect::<Vec<_>>().join(" ")
            }
        }
    }
}

struct Pages {
    sentences: Vec<Vec<String>>,
    used: usize,
}

impl Pages {
    fn new(tokens: usize) -> Pages {
        let pages = (tokens / TOKENS_A_DOCUMENT).clamp(1, 40);
        Pages { sentences: vec![Vec::new(); pages], used: pages * HEADING_TOKENS }
    }

    fn len(&self) -> usize {
        self.sentences.len()
    }

    fn add(&mut self, stream: &mut Stream, sentence: String) {
        let page = stream.below(self.len());
        self.add_to(page, sentence);
    }

    fn add_to(&mut self, page: usize, sentence: String) {
        self.used += count_tokens(&sentence);
        self.sentences[page].push(sentence);
    }

    fn fill(mut self, stream: &mut Stream, tokens: usize) -> Vec<String> {
        loop {
            let idle = idle_sentence(stream);
            if self.used + count_tokens(&idle) > tokens {
                break;
            }
            self.add(stream, idle);
        }
        for page in &mut self.sentences {
            stream.shuffle(page);
        }
        self.sentences.into_iter().map(|page| page.join(" ")).collect()
    }
}

fn idle_sentence(stream: &mut Stream) -> String {
    let (subject, verb, place) =
        (stream.pick(&lex::IDLE_SUBJECTS), stream.pick(&lex::IDLE_VERBS), stream.pick(&lex::IDLE_PLACES));
    format!("{subject} {verb} {place}.")
}

fn render_turn(turn: &Turn) -> String {
    let Turn { form, topic, piece, ordinal } = turn;
    format!("User: Write a {form} about {topic}. Assistant: {} {form} about {topic}: {piece}.", lex::CUES[*ordinal])
}

const TOKENS_A_TURN: usize = 23;
/// Words of a piece.
pub const PIECE_WORDS: usize = 5;

/// More requests than this are not made in a dialogue; small talk fills the rest.
const MOST_TURNS: usize = 8;

/// Puts small talk between the turns of a dialogue, up to the wanted length.
fn with_small_talk(stream: &mut Stream, mut turns: Vec<String>, tokens: usize) -> Vec<String> {
    let mut used: usize = turns.iter().map(|turn| count_tokens(turn)).sum();
    loop {
        let talk = format!("User: Tell me more. Assistant: {}", idle_sentence(stream));
        used += count_tokens(&talk);
        if used > tokens {
            return turns;
        }
        let place = stream.below(turns.len() + 1);
        turns.insert(place, talk);
    }
}

fn draw_turns(stream: &mut Stream, tokens: usize) -> Vec<Turn> {
    let total = (tokens / TOKENS_A_TURN).clamp(2, MOST_TURNS);
    let mut words = stream.choose_distinct(lex::WORDS.len(), total * PIECE_WORDS).into_iter();
    let subjects = stream.choose_distinct(lex::FORMS.len() * lex::TOPICS.len(), lex::FORMS.len() * lex::TOPICS.len());
    let mut order: Vec<usize> = Vec::new();
    for subject in subjects {
        let alike = stream.range(2..=4).min(total - order.len());
        order.extend(std::iter::repeat_n(subject, alike));
    }
    order.truncate(total);
    stream.shuffle(&mut order);
    let mut before = [0usize; 40];
    order
        .into_iter()
        .map(|subject| {
            let piece = words.by_ref().take(PIECE_WORDS).map(|w| lex::WORDS[w]).collect::<Vec<_>>().join(" ");
            let ordinal = before[subject];
            before[subject] += 1;
            Turn {
                form: lex::FORMS[subject / lex::TOPICS.len()],
                topic: lex::TOPICS[subject % lex::TOPICS.len()],
                piece,
                ordinal,
            }
        })
        .collect()
}
