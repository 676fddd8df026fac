//! The prompt of a judge.

use super::Case;
use crate::Message;

/// A message of the system and one of the user, with slots for question, predicted and gold answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    system: String,
    user: String,
}

/// A template without one of its slots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the judge's prompt has no {slot}; write it where that belongs")]
pub struct MissingSlot {
    /// The slot.
    pub slot: &'static str,
}

const SLOTS: [&str; 3] = ["{question}", "{predicted}", "{gold}"];

impl Default for Template {
    /// The judge of arXiv 2512.12967 (Table 6): an expert who decides whether two answers agree, without solving the problem. Its facts in
    /// our words; only the question is given, not the documents.
    fn default() -> Self {
        Template { system: include_str!("system.txt").trim().into(), user: include_str!("user.txt").trim().into() }
    }
}

impl Template {
    /// A template of one's own. The slots `{question}`, `{predicted}` and `{gold}` stand in the user's message.
    ///
    /// # Errors
    /// The first slot that is missing.
    pub fn new(system: impl Into<String>, user: impl Into<String>) -> Result<Template, MissingSlot> {
        let template = Template { system: system.into(), user: user.into() };
        match SLOTS.iter().find(|slot| !template.user.contains(**slot)) {
            Some(slot) => Err(MissingSlot { slot }),
            None => Ok(template),
        }
    }

    /// 64 hexadecimal digits, for records.
    pub fn hash(&self) -> String {
        hash(&[Message::system(&self.system), Message::user(&self.user)])
    }

    /// The messages about a case. What the answers say is text; a slot's name in them is not filled.
    pub fn filled(&self, case: &Case) -> Vec<Message> {
        let mut text = String::new();
        let mut rest = self.user.as_str();
        while let Some((place, slot)) = SLOTS.iter().filter_map(|slot| Some((rest.find(slot)?, *slot))).min() {
            text.push_str(&rest[..place]);
            text.push_str(match slot {
                "{question}" => &case.question,
                "{predicted}" => &case.predicted,
                _ => &case.gold,
            });
            rest = &rest[place + slot.len()..];
        }
        text.push_str(rest);
        [(!self.system.is_empty()).then(|| Message::system(&self.system)), Some(Message::user(text))]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// BLAKE3 of messages, 64 hexadecimal digits.
pub(super) fn hash(messages: &[Message]) -> String {
    let mut hash = blake3::Hasher::new();
    for text in messages.iter().flat_map(|message| [&message.role, &message.content]) {
        hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    hash.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_once_and_only_those_of_the_template() {
        let template = Template::new("", "{gold}|{predicted}|{question}|{gold}|{other}").unwrap();
        let case = Case { question: "{gold}?".into(), predicted: "{question}".into(), gold: "7 {predicted}".into() };
        assert_eq!(template.filled(&case), [Message::user("7 {predicted}|{question}|{gold}?|7 {predicted}|{other}")]);
    }

    #[test]
    fn the_papers_prompt_has_its_parts() {
        let case = Case { question: "How many?".into(), predicted: "seven".into(), gold: "7".into() };
        let messages = Template::default().filled(&case);
        assert_eq!(messages[1], Message::user("Problem: How many?\n\nAnswer 1: seven\n\nAnswer 2: 7"));
        for part in ["[[YES]]", "[[NO]]", "Do not solve", "explanation", "same value or the same meaning"] {
            assert!(messages[0].content.contains(part), "{part}");
        }
        assert_eq!(Template::new("", "{question} {gold}"), Err(MissingSlot { slot: "{predicted}" }));
    }

    #[test]
    fn hashes_keep_texts_apart() {
        let one = hash(&[Message::user("ab"), Message::user("c")]);
        assert_ne!(one, hash(&[Message::user("a"), Message::user("bc")]));
        assert_ne!(one, hash(&[Message::user("ab"), Message::system("c")]));
    }
}
