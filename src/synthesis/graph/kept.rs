//! A model whose answers are kept, so that a run that was ended asks for none of them twice.

use crate::answers::Answers;
use crate::error::{Result, SynthesisError};
use crate::spec::Unanswered;
use longlab_client::{ChatFailure, ChatModel, ChatReply, ChatRequest, Finish, Usage};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A model with the file of its answers. When it gives none and that is to end the run, it is not asked again.
pub(super) struct Kept<'a> {
    model: &'a dyn ChatModel,
    answers: Answers,
    unanswered: Unanswered,
    failed: Mutex<Option<String>>,
}

impl<'a> Kept<'a> {
    /// A model with the answers in a folder.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub(super) fn open(folder: &Path, model: &'a dyn ChatModel, unanswered: Unanswered) -> Result<Kept<'a>> {
        Ok(Kept { model, answers: Answers::open(folder)?, unanswered, failed: Mutex::new(None) })
    }

    /// Whether all that was asked was answered, where that matters.
    ///
    /// # Errors
    /// [`SynthesisError::Model`] with the first failure.
    pub(super) fn demand_answers(&self) -> Result<()> {
        match (self.failed().clone(), self.unanswered) {
            (Some(reason), Unanswered::Stop) => Err(SynthesisError::Model { reason, kept: self.answers.len() }),
            _ => Ok(()),
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChatModel for Kept<'_> {
    fn name(&self) -> String {
        self.model.name()
    }

    fn chat(
        &self,
        request: &ChatRequest,
        _see: &mut dyn FnMut(&str) -> bool,
    ) -> std::result::Result<ChatReply, ChatFailure> {
        if self.unanswered == Unanswered::Stop && self.failed().is_some() {
            return Err(ChatFailure::Stopped);
        }
        let failure = match self.answers.ask(&self.model.name(), self.model, request) {
            Ok(Ok(answered)) => {
                // Nothing but the text is kept: what is said of an answer must not depend on whether it was.
                let (finish, usage) = (Finish::Stop, Usage::default());
                let (content, model) = (answered.reply, self.name());
                return Ok(ChatReply { content, reasoning: None, finish, usage, model, logprobs: vec![] });
            }
            Ok(Err(failure)) => failure,
            Err(error) => ChatFailure::Failed { reason: error.to_string() },
        };
        self.failed().get_or_insert_with(|| failure.to_string());
        Err(failure)
    }
}
