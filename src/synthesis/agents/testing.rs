//! Parts and settings for tests.

use super::cluster::Part;
use super::prompts::{Prompts, Texts};
use super::transcript::Place;
use crate::spec::AgentsSpec;
use longlab_documents::{Hash, Span};

/// A part that begins at byte 100 of its document.
pub fn part(title: &str, text: &str) -> Part {
    let span = Span { start: 100, end: 100 + text.len() };
    Part { place: Place { document: Hash::of(title), span }, title: title.into(), text: text.into() }
}

/// Default settings.
pub fn rules() -> AgentsSpec {
    toml::from_str("items = 3").unwrap()
}

/// The templates of the crate.
pub fn prompts() -> &'static Prompts {
    static PROMPTS: std::sync::OnceLock<Prompts> = std::sync::OnceLock::new();
    PROMPTS.get_or_init(|| Prompts::new(Texts::read(&rules()).unwrap()).unwrap())
}
