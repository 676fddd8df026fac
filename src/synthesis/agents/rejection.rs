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
    /// A number that no sentence was shown with.
    UnknownNumber,
    /// The answer does not stand in the quotes.
    Apart,
    /// The question has too few words of the quotes.
    OffTopic,
    /// Too few documents are quoted.
    Sources,
    /// The documents have no sentence that could be cited.
    Nothing,
    /// Answered rightly without the documents.
    Ungrounded,
    /// Answered rightly without the question.
    Unasked,
    /// No answer of the solver can be read.
    Unread,
    /// The solver's most common answer is not right by rule, and the verifier also says yes to a wrong one.
    Fooled,
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
    pub const ALL: [Rejection; 30] = [
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
        Rejection::UnknownNumber,
        Rejection::Apart,
        Rejection::OffTopic,
        Rejection::Sources,
        Rejection::Nothing,
        Rejection::Ungrounded,
        Rejection::Unasked,
        Rejection::Unread,
        Rejection::Fooled,
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
            Rejection::UnknownNumber => "proposer: cites a number that was not shown",
            Rejection::Apart => "proposer: answer does not stand in its quotes",
            Rejection::OffTopic => "proposer: question has too few words of its quotes",
            Rejection::Sources => "proposer: too few documents quoted",
            Rejection::Nothing => "cluster: no sentence that could be cited",
            Rejection::Ungrounded => "solver: right without the documents (grounding)",
            Rejection::Unasked => "solver: right without the question (unasked)",
            Rejection::Unread => "solver: no answer that can be read",
            Rejection::Fooled => "verifier: says yes to a wrong answer too (decoys)",
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
