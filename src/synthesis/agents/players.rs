//! Who plays the roles: one model, or several.

use super::round::{Ask, Ended};
use super::transcript::Role;
use crate::answers::{Answered, Answers};
use crate::error::{Result, SynthesisError};
use crate::spec::{AgentsSpec, RoleSpec};
use longlab_client::{ChatFailure, ChatModel, ChatRequest, Client};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A model, and what its answers are kept under.
struct Player<'a> {
    who: String,
    model: Held<'a>,
}

enum Held<'a> {
    Given(&'a dyn ChatModel),
    Own(Box<Client>),
}

/// The models of proposer, solver and verifier.
pub struct Players<'a>([Player<'a>; 3]);

/// Where the player of a role stands.
pub fn seat(role: Role) -> usize {
    match role {
        Role::Propose => 0,
        Role::Ground | Role::Solve | Role::Omit | Role::Unasked => 1,
        Role::Verify | Role::Decoy => 2,
    }
}

impl<'a> Players<'a> {
    /// The players that a specification names; `the` is the model of the run.
    ///
    /// # Errors
    /// Where the model of the run is named and there is none, or a server's settings cannot be used. Servers are not asked yet.
    pub fn new(spec: &AgentsSpec, the: Option<&'a dyn ChatModel>) -> Result<Players<'a>> {
        let [proposer, solver, verifier] = spec.roles();
        Ok(Players([player(proposer, the)?, player(solver, the)?, player(verifier, the)?]))
    }

    /// What their answers are kept under.
    pub fn names(&self) -> [String; 3] {
        self.0.each_ref().map(|player| player.who.clone())
    }
}

fn player<'a>(role: &RoleSpec, the: Option<&'a dyn ChatModel>) -> Result<Player<'a>> {
    match role {
        RoleSpec::The => {
            let what = "a model for the agents (`engines.agents`)";
            let model = the.ok_or_else(|| SynthesisError::Missing { what: what.into() })?;
            Ok(Player { who: model.name(), model: Held::Given(model) })
        }
        RoleSpec::Server(settings) => {
            let unusable = |error: longlab_client::ClientError| SynthesisError::Model {
                reason: format!("`engines.agents`: {error}"),
                kept: 0,
            };
            let client = Client::new((**settings).clone()).map_err(unusable)?;
            // What is put into each request beside what a request says makes other answers.
            let identity = settings.identity.iter().cloned();
            let extra = (!settings.extra.is_empty()).then(|| serde_json::json!(settings.extra).to_string());
            let who: Vec<String> = std::iter::once(client.name()).chain(identity).chain(extra).collect();
            Ok(Player { who: who.join(" "), model: Held::Own(Box::new(client)) })
        }
    }
}

/// Players at their game: answers are kept, and after a failure that ends the run no more is asked.
pub struct Asking<'a> {
    /// Who plays.
    pub players: &'a Players<'a>,
    /// The answers.
    pub answers: &'a Answers,
    /// Whether a failure ends the run.
    pub stops: bool,
    /// Set by the first such failure.
    pub ended: &'a AtomicBool,
    /// Answers that were had since it was last looked at.
    pub had: &'a AtomicUsize,
}

impl Ask for &Asking<'_> {
    fn ask(&mut self, role: Role, request: &ChatRequest) -> std::result::Result<Answered, Ended> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(Ended::Failure(ChatFailure::Stopped));
        }
        let player = &self.players.0[seat(role)];
        let model = match &player.model {
            Held::Given(model) => *model,
            Held::Own(client) => &**client,
        };
        match self.answers.ask(&player.who, model, request)? {
            Ok(answered) => {
                self.had.fetch_add(1, Ordering::SeqCst);
                Ok(answered)
            }
            Err(failure) => {
                let lasts = !matches!(failure, ChatFailure::Refused { .. });
                self.ended.fetch_or(self.stops && lasts, Ordering::SeqCst);
                Err(Ended::Failure(failure))
            }
        }
    }
}
