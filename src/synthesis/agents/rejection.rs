//! Why a round gave no item, by name.

use std::fmt;

/// Why a round gave no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rejection {
    /// The reply has as many tokens as it was allowed.
    Cut,
    /// No JSON object in the reply.
    NoObject,
    /// The object is not of the form that was asked for.
    Schema,
    /// The proposer says that the documents allow no question.
    Unanswerable,
    /// No question, or a very long one.
    QuestionLength,
    /// The question names documents by number or place.
    NamesDocument,
    /// The question was solved before.
    Repeated,
    /// No answer, or too long a one.
    AnswerLength,
    /// The answer is not one number other than zero.
    NoNumber,
    /// The answer is none of the four letters.
    NoLetter,
    /// The options are not four different texts.
    Options,
    /// The answer stands in the question.
    Told,
    /// A quote names a document that was not shown.
    UnknownDocument,
    /// A quote does not stand in its document, or is too short or too long for one.
    Quote,
    /// Too few documents are quoted.
    Sources,
    /// Answered rightly without the documents.
    Ungrounded,
    /// No answer of the solver can be read.
    Unread,
    /// The solver's most common answer is another.
    Differs,
    /// The verifier's votes on the most common answer have no majority.
    Unclear,
    /// Too few answers are right.
    Seldom,
    /// Too many answers are right.
    Often,
    /// Answered rightly without one of the quoted documents.
    Needless,
    /// A model refused the request.
    Refused,
    /// A model gave no answer.
    Unanswered,
}

impl Rejection {
    /// All, in the order of the play.
    pub const ALL: [Rejection; 24] = [
        Rejection::Cut,
        Rejection::NoObject,
        Rejection::Schema,
        Rejection::Unanswerable,
        Rejection::QuestionLength,
        Rejection::NamesDocument,
        Rejection::Repeated,
        Rejection::AnswerLength,
        Rejection::NoNumber,
        Rejection::NoLetter,
        Rejection::Options,
        Rejection::Told,
        Rejection::UnknownDocument,
        Rejection::Quote,
        Rejection::Sources,
        Rejection::Ungrounded,
        Rejection::Unread,
        Rejection::Differs,
        Rejection::Unclear,
        Rejection::Seldom,
        Rejection::Often,
        Rejection::Needless,
        Rejection::Refused,
        Rejection::Unanswered,
    ];

    /// The words used in the funnel.
    pub fn reason(self) -> &'static str {
        match self {
            Rejection::Cut => "proposer: reply cut off at its longest",
            Rejection::NoObject => "proposer: no JSON object",
            Rejection::Schema => "proposer: JSON of another form",
            Rejection::Unanswerable => "proposer: says that the documents allow no question",
            Rejection::QuestionLength => "proposer: no question, or too long a one",
            Rejection::NamesDocument => "proposer: question names documents by number or place",
            Rejection::Repeated => "proposer: question was solved before",
            Rejection::AnswerLength => "proposer: no answer, or too long a one",
            Rejection::NoNumber => "proposer: answer is not one number other than zero",
            Rejection::NoLetter => "proposer: answer is none of A to D",
            Rejection::Options => "proposer: options are not four different texts",
            Rejection::Told => "proposer: answer stands in the question",
            Rejection::UnknownDocument => "proposer: quotes a document that was not shown",
            Rejection::Quote => "proposer: quote does not stand in its document",
            Rejection::Sources => "proposer: too few documents quoted",
            Rejection::Ungrounded => "solver: right without the documents (grounding)",
            Rejection::Unread => "solver: no answer that can be read",
            Rejection::Differs => "verifier: the solver's answer is another",
            Rejection::Unclear => "verifier: no majority for a verdict",
            Rejection::Seldom => "solver: right less often than wanted",
            Rejection::Often => "solver: right more often than wanted",
            Rejection::Needless => "solver: right without a quoted document (necessity)",
            Rejection::Refused => "a model refused the request",
            Rejection::Unanswered => "a model gave no answer",
        }
    }

    /// Whether the proposal itself is at fault.
    pub fn is_malformed(self) -> bool {
        self <= Rejection::Sources
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}
