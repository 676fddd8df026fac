//! What can go wrong between messages and a prompt.

/// Why a chat template could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The template is no Jinja, or uses what is not known.
    #[error("chat template: {reason}")]
    Template {
        /// What the template engine said, with the line.
        reason: String,
    },
    /// The template refused the messages by `raise_exception`.
    #[error("the chat template refuses these messages: {message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// A message is no JSON object.
    #[error("message {number} is no object; give each a role and a content")]
    Message {
        /// Which one, from 0.
        number: usize,
    },
    /// A moment that is in no calendar.
    #[error("{0} is no date of the calendar")]
    Date(String),
}

/// What `raise_exception` said, on its way through the template engine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub String);

impl From<minijinja::Error> for ChatError {
    fn from(error: minijinja::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(one) = cause {
            if let Some(Refusal(message)) = one.downcast_ref() {
                return ChatError::Refused { message: message.clone() };
            }
            cause = one.source();
        }
        ChatError::Template { reason: error.to_string() }
    }
}
