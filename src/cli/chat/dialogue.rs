//! A dialogue: what was said, and what a line of the user does.

use super::voice::Voice;
use crate::lm::chat::split_thinking;
use crate::serve::Preferred;
use longlab_client::{ChatFailure, ChatModel, ChatRequest, Message};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The commands.
pub(super) const HELP: &str = "\
commands: /system TEXT begins anew with an instruction, /reset begins anew, /save FILE writes the dialogue as JSON, /quit leaves";

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Nothing,
    Say(&'a str),
    /// Begin anew, with an instruction.
    Begin(Option<&'a str>),
    Save(&'a str),
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> Line<'a> {
    pub(super) fn of(text: &'a str) -> Line<'a> {
        let text = text.trim();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match name {
            "" => Line::Nothing,
            "/help" => Line::Help,
            "/quit" | "/exit" => Line::Quit,
            "/reset" => Line::Begin(None),
            "/system" => Line::Begin(Some(rest).filter(|rest| !rest.is_empty())),
            "/save" if !rest.is_empty() => Line::Save(rest),
            // A path or a fraction is no command.
            _ if name.starts_with('/') && name[1..].chars().all(|c| c.is_ascii_lowercase()) && name.len() > 1 => {
                Line::Unknown(name)
            }
            _ => Line::Say(text),
        }
    }
}

/// The dialogue with a model.
pub(super) struct Dialogue<'a> {
    model: &'a dyn ChatModel,
    wishes: Preferred,
    max_tokens: usize,
    seed: u64,
    hides: bool,
    /// Whether the model was seen to begin with thinking without saying so.
    thinks: bool,
    messages: Vec<Message>,
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(
        model: &'a dyn ChatModel,
        wishes: Preferred,
        max_tokens: usize,
        seed: u64,
        hides: bool,
    ) -> Dialogue<'a> {
        Dialogue { model, wishes, max_tokens, seed, hides, thinks: false, messages: Vec::new() }
    }

    /// Begins anew.
    pub(super) fn begin(&mut self, system: Option<&str>) {
        self.messages = system.map(Message::system).into_iter().collect();
    }

    /// Messages so far.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Writes all messages as JSON, as requests have them.
    pub(super) fn save(&self, path: &str) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.messages)? + "\n";
        crate::files::write_whole(Path::new(path), text.as_bytes())
    }

    /// Says something and writes the answer as it comes. What was said without an answer is not part of the dialogue; an answer that
    /// was ended is, as far as it came.
    ///
    /// # Errors
    /// The screen is gone; within, the model's failure.
    pub(super) fn say(
        &mut self,
        text: &str,
        out: &mut (impl Write + IsTerminal),
        stop: &AtomicBool,
    ) -> io::Result<Result<(), ChatFailure>> {
        self.messages.push(Message::user(text));
        let dims = out.is_terminal();
        let mut voice = Voice::new(out, self.thinks, !self.hides, dims);
        let mut broken = None;
        let reply = self.model.chat(&self.request(), &mut |piece| {
            broken = voice.push(piece).err();
            broken.is_none() && !stop.load(Ordering::SeqCst)
        });
        if let Some(error) = broken {
            return Err(error);
        }
        if !voice.text.is_empty() {
            voice.finish()?;
        }
        let split = split_thinking(&voice.text);
        self.thinks |= split.closed && !voice.text.trim_start().starts_with("<think>");
        let said = match reply {
            Ok(reply) => reply.content,
            Err(ChatFailure::Stopped) if !split.answer.is_empty() => split.answer.to_owned(),
            Err(failure) => {
                self.messages.pop();
                return Ok(if failure == ChatFailure::Stopped { Ok(()) } else { Err(failure) });
            }
        };
        self.messages.push(Message::assistant(said));
        Ok(Ok(()))
    }

    fn request(&self) -> ChatRequest {
        let turn = self.messages.iter().filter(|message| message.role == "user").count() as u64;
        let Preferred { temperature, top_k, top_p, min_p } = self.wishes;
        ChatRequest {
            temperature,
            top_k,
            top_p,
            min_p,
            seed: Some(self.seed.wrapping_add(turn - 1)),
            ..ChatRequest::new(self.messages.clone(), self.max_tokens)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_client::{ChatReply, Finish, Usage};
    use std::sync::Mutex;

    /// Says what it was asked, and fails where it is asked to.
    #[derive(Default)]
    struct Echo(Mutex<Vec<ChatRequest>>);

    impl ChatModel for Echo {
        fn name(&self) -> String {
            "echo".into()
        }

        fn chat(&self, request: &ChatRequest, see: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
            self.0.lock().unwrap().push(request.clone());
            let asked = &request.messages.last().unwrap().content;
            if asked == "fail" {
                return Err(ChatFailure::Failed { reason: "no luck".into() });
            }
            for piece in ["I heard ", asked] {
                if !see(piece) {
                    return Err(ChatFailure::Stopped);
                }
            }
            let content = format!("I heard {asked}");
            let (usage, model) = (Usage::default(), self.name());
            Ok(ChatReply { content, reasoning: None, finish: Finish::Stop, usage, model, logprobs: Vec::new() })
        }
    }

    fn contents(dialogue: &Dialogue) -> Vec<String> {
        dialogue.messages.iter().map(|message| format!("{}: {}", message.role, message.content)).collect()
    }

    #[test]
    fn the_dialogue_grows_by_what_was_answered() {
        let (echo, stop) = (Echo::default(), AtomicBool::new(false));
        let mut dialogue = Dialogue::new(&echo, Preferred::default(), 9, 5, false);
        dialogue.begin(Some("Be brief."));
        let mut out = tempfile::tempfile().unwrap();
        assert_eq!(dialogue.say("a", &mut out, &stop).unwrap(), Ok(()));
        assert!(dialogue.say("fail", &mut out, &stop).unwrap().is_err());
        stop.store(true, Ordering::SeqCst);
        assert_eq!(dialogue.say("b", &mut out, &stop).unwrap(), Ok(()));
        let expected = ["system: Be brief.", "user: a", "assistant: I heard a", "user: b", "assistant: I heard"];
        assert_eq!(contents(&dialogue).iter().map(|said| said.trim_end()).collect::<Vec<_>>(), expected);
        let asked = echo.0.lock().unwrap();
        assert_eq!(asked.iter().map(|one| one.seed).collect::<Vec<_>>(), [Some(5), Some(6), Some(6)]);
        assert_eq!(asked[2].messages.len(), 4, "without what failed");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dialogue.json");
        dialogue.save(path.to_str().unwrap()).unwrap();
        let saved: Vec<Message> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(saved, dialogue.messages);
    }

    #[test]
    fn lines_are_messages_or_commands() {
        for (text, line) in [
            ("  ", Line::Nothing),
            (" hello  there ", Line::Say("hello  there")),
            ("/help", Line::Help),
            ("/quit", Line::Quit),
            ("/reset", Line::Begin(None)),
            ("/system  Be brief. ", Line::Begin(Some("Be brief."))),
            ("/system", Line::Begin(None)),
            ("/save a b.json", Line::Save("a b.json")),
            ("/save", Line::Unknown("/save")),
            ("/frobnicate", Line::Unknown("/frobnicate")),
            ("/usr/bin is a folder", Line::Say("/usr/bin is a folder")),
            ("/", Line::Say("/")),
        ] {
            assert_eq!(Line::of(text), line, "{text}");
        }
    }
}
