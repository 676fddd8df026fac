//! What proposer and solver are asked: minijinja templates. Documents, questions and answers come in as values and are never read as templates.

use super::cluster::Part;
use super::transcript::{Pair, Task};
use crate::error::{Result, SynthesisError};
use crate::spec::PromptFiles;
use longlab_documents::Hash;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// Steps that a template may take: enough for a hundred documents, too few for an endless loop.
const FUEL: u64 = 1_000_000;

/// Templates as they are written down in a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// What a proposer is asked.
    pub propose: String,
    /// What a solver is asked.
    pub solve: String,
    /// How both see the documents.
    pub documents: String,
}

/// Templates ready to be filled in.
pub struct Prompts {
    environment: Environment<'static>,
    texts: Texts,
}

/// What a proposer is asked about.
pub struct Proposing<'a> {
    /// What kind of question.
    pub task: Task,
    /// How hard, from 1.
    pub level: usize,
    /// Questions that were solved, to be shown.
    pub solved: &'a [Pair],
    /// Words that an answer should have at most.
    pub words: usize,
}

impl Texts {
    /// The templates of a specification.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn read(files: &PromptFiles) -> Result<Texts> {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(SynthesisError::reading(path));
        let own = |path: &Option<std::path::PathBuf>| path.as_deref().map(read).transpose();
        Ok(Texts {
            propose: own(&files.propose)?.unwrap_or(include_str!("../templates/agents/propose.j2").into()),
            solve: own(&files.solve)?.unwrap_or(include_str!("../templates/agents/solve.j2").into()),
            documents: include_str!("../templates/agents/documents.j2").into(),
        })
    }
}

impl Prompts {
    /// Templates made ready.
    ///
    /// # Errors
    /// Where one is no template, or does not show the documents or the question.
    pub fn new(texts: Texts) -> Result<Prompts> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        for (name, text) in [("propose", &texts.propose), ("solve", &texts.solve), ("documents", &texts.documents)] {
            let added = environment.add_template_owned(name, text.clone());
            added.map_err(|error| failed(name, &error.to_string()))?;
        }
        let prompts = Prompts { environment, texts };
        let shown = [json!({ "title": "a title", "text": "a text" })];
        let probe = Proposing { task: Task::General, level: 1, solved: &[], words: 9 };
        let proposed = prompts.propose(&probe, "border", &shown)?;
        let solved = prompts.solve(Task::General, "a question", "border", &shown)?;
        match (proposed.contains("a text"), solved.contains("a text") && solved.contains("a question")) {
            (false, _) => Err(failed("propose", "it shows no documents; write {% include \"documents\" %} into it")),
            (_, false) => Err(failed(
                "solve",
                "it shows no documents or no question; write {% include \"documents\" %} and {{ question }} into it",
            )),
            _ => Ok(prompts),
        }
    }

    /// The templates as they were given.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What a proposer is asked.
    ///
    /// # Errors
    /// Where the template does not render.
    pub fn propose(&self, proposing: &Proposing, border: &str, parts: &[Value]) -> Result<String> {
        let Proposing { task, level, solved, words } = proposing;
        let task = task.name();
        self.filled(
            "propose",
            &json!({ "task": task, "level": level, "solved": solved, "words": words, "border": border, "parts": parts }),
        )
    }

    /// What a solver is asked; without documents where there are none.
    ///
    /// # Errors
    /// Where the template does not render.
    pub fn solve(&self, task: Task, question: &str, border: &str, parts: &[Value]) -> Result<String> {
        self.filled("solve", &json!({ "task": task.name(), "question": question, "border": border, "parts": parts }))
    }

    fn filled(&self, name: &str, values: &Value) -> Result<String> {
        let failed = |error: minijinja::Error| failed(name, &error.to_string());
        let template = self.environment.get_template(name).map_err(failed)?;
        template.render(minijinja::value::Serde(values)).map_err(failed)
    }
}

fn failed(name: &str, reason: &str) -> SynthesisError {
    SynthesisError::Template { name: format!("engines.agents.prompts.{name}"), reason: reason.into() }
}

/// A border that documents cannot hold, since it is made of their hash.
pub fn border(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts.iter().flat_map(|part| [part.title.as_str(), part.text.as_str()]).collect();
    Hash::of(&texts.join("\n")).0[..16].to_string()
}

/// Parts as templates see them.
pub fn told<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Vec<Value> {
    parts.into_iter().map(|part| json!({ "title": part.title, "text": part.text })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_templates_must_show_what_is_asked_about() {
        let texts = |propose: &str, solve: &str| Texts {
            propose: propose.into(),
            solve: solve.into(),
            documents: "{% for part in parts %}{{ part.text }}{% endfor %}".into(),
        };
        let wrong = |propose, solve| Prompts::new(texts(propose, solve)).map(|_| ()).unwrap_err().to_string();
        let (shows, solves) = ("{% include \"documents\" %}", "{% include \"documents\" %} {{ question }}");
        assert!(Prompts::new(texts(shows, solves)).is_ok());
        assert!(wrong("Ask something.", solves).contains("include"));
        assert!(wrong(shows, shows).contains("{{ question }}"));
        assert!(wrong("{% for x in", solves).contains("engines.agents.prompts.propose"));
        assert!(wrong("{{ secrets }}", solves).contains("propose"));
        assert!(
            wrong("{% for x in range(99999) %}{% for y in range(99999) %}.{% endfor %}{% endfor %}", solves)
                .contains("fuel")
        );
    }
}
