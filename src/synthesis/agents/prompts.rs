//! What the roles are asked, and what their replies are held to: minijinja templates. Documents, questions and answers come in as values and are never read
//! as templates.

use super::cluster::Part;
use super::sentences::{Sentence, numbered};
use super::transcript::{Pair, Task};
use crate::error::{Result, SynthesisError};
use crate::spec::AgentsSpec;
use longlab_client::{Case, Message, Template};
use longlab_documents::{Hash, Span};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Steps that a template may take: enough for a hundred documents, too few for an endless loop.
const FUEL: u64 = 1_000_000;

/// Templates as they are written down in a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// What a proposer is asked.
    pub propose: String,
    /// What a solver is asked.
    pub solve: String,
    /// What a verifier is asked; none: the judge's prompt of Table 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
    /// How proposer and solver see the documents.
    pub documents: String,
    /// What the replies are held to.
    #[serde(default, skip_serializing_if = "Grammars::is_empty")]
    pub grammars: Grammars,
}

/// Templates of grammars.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grammars {
    /// Of a proposal.
    pub propose: Option<String>,
    /// Of a solver's answer.
    pub solve: Option<String>,
    /// Of a verdict.
    pub verify: Option<String>,
}

impl Grammars {
    fn is_empty(&self) -> bool {
        *self == Grammars::default()
    }
}

/// What a role is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The messages.
    pub messages: Vec<Message>,
    /// What the reply is held to.
    pub grammar: Option<String>,
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
    /// Whether sentences are shown with numbers.
    pub numbered: bool,
}

impl Texts {
    /// The templates of a specification.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn read(spec: &AgentsSpec) -> Result<Texts> {
        let own = |path: &Option<PathBuf>| {
            let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(SynthesisError::reading(path));
            path.as_ref().map(read).transpose()
        };
        let (prompts, held) = (&spec.prompts, &spec.grammars);
        Ok(Texts {
            propose: own(&prompts.propose)?.unwrap_or(include_str!("../templates/agents/propose.j2").into()),
            solve: own(&prompts.solve)?.unwrap_or(include_str!("../templates/agents/solve.j2").into()),
            verify: own(&prompts.verify)?,
            documents: include_str!("../templates/agents/documents.j2").into(),
            grammars: Grammars { propose: own(&held.propose)?, solve: own(&held.solve)?, verify: own(&held.verify)? },
        })
    }

    /// All that there are, by name.
    fn all(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let Grammars { propose, solve, verify } = &self.grammars;
        let own = [
            ("documents", Some(&self.documents)),
            ("prompts.propose", Some(&self.propose)),
            ("prompts.solve", Some(&self.solve)),
            ("prompts.verify", self.verify.as_ref()),
            ("grammars.propose", propose.as_ref()),
            ("grammars.solve", solve.as_ref()),
            ("grammars.verify", verify.as_ref()),
        ];
        own.into_iter().filter_map(|(name, text)| text.map(|text| (name, text)))
    }
}

impl Prompts {
    /// Templates made ready.
    ///
    /// # Errors
    /// Where one is no template, or does not show what is asked about.
    pub fn new(texts: Texts) -> Result<Prompts> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("json", within_json);
        environment.add_filter("literal", literal);
        for (name, text) in texts.all() {
            let added = environment.add_template_owned(name, text.clone());
            added.map_err(|error| failed(name, &error.to_string()))?;
        }
        let prompts = Prompts { environment, texts };
        prompts.probe()?;
        Ok(prompts)
    }

    /// Fills every template once.
    fn probe(&self) -> Result<()> {
        let sentence = Sentence { number: 1, text: "a text".into(), words: vec![], span: Span { start: 0, end: 0 } };
        let shown = [json!({ "title": "a title", "text": "a text", "sentences": [sentence] })];
        let probe = Proposing { task: Task::General, level: 1, solved: &[], words: 9, numbered: true };
        let text = |asked: &Asked| asked.messages.iter().map(|own| own.content.as_str()).collect::<String>();
        let proposed = self.propose(&probe, "border", &shown)?;
        let solved = self.solve(Task::General, "a question", "border", &shown)?;
        let verified =
            self.verify(Case { question: "a question".into(), predicted: "said".into(), gold: "gold".into() })?;
        let documents = "it shows no documents; write {% include \"documents\" %} into it";
        let asks = text(&solved);
        let shows = [
            (text(&proposed).contains("a text"), "prompts.propose", documents),
            (asks.contains("a text"), "prompts.solve", documents),
            (asks.contains("a question"), "prompts.solve", "it shows no question; write {{ question }} into it"),
            (
                ["a question", "said", "gold"].iter().all(|shown| text(&verified).contains(shown)),
                "prompts.verify",
                "write {{ question }}, {{ predicted }} and {{ gold }} into it",
            ),
        ];
        if let Some((_, name, reason)) = shows.into_iter().find(|(shows, ..)| !shows) {
            return Err(failed(name, reason));
        }
        let held = [("grammars.propose", proposed), ("grammars.solve", solved), ("grammars.verify", verified)];
        let rootless = |asked: &Asked| asked.grammar.as_ref().is_some_and(|grammar| !grammar.contains("root ::="));
        match held.iter().find(|(_, asked)| rootless(asked)) {
            Some((name, _)) => Err(failed(name, "it makes no rule `root ::= ..`")),
            None => Ok(()),
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
    pub fn propose(&self, proposing: &Proposing, border: &str, parts: &[Value]) -> Result<Asked> {
        let Proposing { task, level, solved, words, numbered } = proposing;
        let task = task.name();
        self.asked(
            "propose",
            &json!({ "task": task, "level": level, "solved": solved, "words": words, "border": border, "parts": parts,
                "numbered": numbered }),
        )
    }

    /// What a solver is asked; without documents where there are none.
    ///
    /// # Errors
    /// Where the template does not render.
    pub fn solve(&self, task: Task, question: &str, border: &str, parts: &[Value]) -> Result<Asked> {
        let values = json!({ "task": task.name(), "question": question, "border": border, "parts": parts,
            "numbered": false });
        self.asked("solve", &values)
    }

    /// What a verifier is asked.
    ///
    /// # Errors
    /// Where the template does not render.
    pub fn verify(&self, case: Case) -> Result<Asked> {
        if self.texts.verify.is_some() {
            return self.asked("verify", &json!(case));
        }
        Ok(Asked { messages: Template::default().filled(&case), grammar: self.grammar("verify", &json!(case))? })
    }

    /// Parts as templates see them; with their sentences where some template may ask for them.
    pub fn told<'a>(&self, parts: impl IntoIterator<Item = &'a Part>, numbers: bool) -> Vec<Value> {
        let parts: Vec<&Part> = parts.into_iter().collect();
        let wanted = numbers || !self.texts.grammars.is_empty();
        let mut sentences = if wanted { numbered(parts.iter().copied()) } else { vec![] }.into_iter();
        let told = |part: &&Part| {
            let sentences = sentences.next().unwrap_or_default();
            json!({ "title": part.title, "text": part.text, "sentences": sentences })
        };
        parts.iter().map(told).collect()
    }

    fn asked(&self, role: &str, values: &Value) -> Result<Asked> {
        let text = self.filled(&format!("prompts.{role}"), values)?;
        Ok(Asked { messages: vec![Message::user(text)], grammar: self.grammar(role, values)? })
    }

    fn grammar(&self, role: &str, values: &Value) -> Result<Option<String>> {
        let name = format!("grammars.{role}");
        let is_there = self.texts.all().any(|(own, _)| own == name);
        is_there.then(|| self.filled(&name, values)).transpose()
    }

    fn filled(&self, name: &str, values: &Value) -> Result<String> {
        let failed = |error: minijinja::Error| failed(name, &error.to_string());
        let template = self.environment.get_template(name).map_err(failed)?;
        template.render(minijinja::value::Serde(values)).map_err(failed)
    }
}

fn failed(name: &str, reason: &str) -> SynthesisError {
    SynthesisError::Template { name: format!("engines.agents.{name}"), reason: reason.into() }
}

/// A text as it stands within a JSON string.
fn within_json(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted[1..quoted.len() - 1].into()
}

/// A text as a grammar writes it.
fn literal(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c => written.push(c),
        }
    }
    written + "\""
}

/// A border that documents cannot hold, since it is made of their hash.
pub fn border(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts.iter().flat_map(|part| [part.title.as_str(), part.text.as_str()]).collect();
    Hash::of(&texts.join("\n")).0[..16].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::{part, rules};

    #[test]
    fn own_templates_must_show_what_is_asked_about() {
        let texts = |propose: &str, solve: &str| Texts {
            propose: propose.into(),
            solve: solve.into(),
            documents: "{% for part in parts %}{{ part.text }}{% endfor %}".into(),
            verify: None,
            grammars: Grammars::default(),
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
        let own = |verify: &str, grammar: &str| {
            let grammars = Grammars { solve: Some(grammar.into()), ..Grammars::default() };
            let texts = Texts { verify: Some(verify.into()), grammars, ..texts(shows, solves) };
            Prompts::new(texts).map(|_| ()).map_err(|error| error.to_string())
        };
        let verifies = "{{ question }} {{ predicted }} {{ gold }}";
        assert_eq!(own(verifies, "root ::= {{ question|literal }}"), Ok(()));
        assert!(own("{{ question }}", "root ::= []").unwrap_err().contains("{{ predicted }}"));
        assert!(own(verifies, "rule ::= []").unwrap_err().contains("engines.agents.grammars.solve"));
        assert!(own(verifies, "root ::= {{ gold }}").unwrap_err().contains("engines.agents.grammars.solve"));
    }

    #[test]
    fn texts_are_written_into_grammars_as_literals() {
        assert_eq!(literal("a \"b\"\\c\nd"), r#""a \"b\"\\c\nd""#);
        assert_eq!(literal(&within_json("a \"b\"")), r#""a \\\"b\\\"""#);
        assert_eq!(within_json("é\n"), "é\\n");
    }

    #[test]
    fn the_trials_grammars_hold_to_the_sentences_words() {
        let file = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/synthesis/agents");
            Some(std::fs::read_to_string(std::path::Path::new(folder).join(name)).unwrap())
        };
        let grammars =
            Grammars { propose: file("propose.gbnf.j2"), solve: file("solve.gbnf.j2"), verify: file("verify.gbnf.j2") };
        let verify = file("verify.j2");
        let own = |name: &str| file(name).unwrap();
        let texts = Texts {
            propose: own("propose.j2"),
            solve: own("solve.j2"),
            verify,
            grammars,
            ..Texts::read(&rules()).unwrap()
        };
        let prompts = Prompts::new(texts).unwrap();
        let proposing = Proposing { task: Task::General, level: 1, solved: &[], words: 9, numbered: true };
        let held = |text: &str| {
            let told = prompts.told(&[part("Mills", text)], true);
            let solve = prompts.solve(Task::General, "Where?", "b", &told).unwrap();
            (prompts.propose(&proposing, "b", &told).unwrap().grammar.unwrap(), solve.grammar.unwrap())
        };
        let (proposal, answer) = held("Nobody saw it burn. The \"Old\" Mill was built by Ada Stone in 1850.");
        let roots: Vec<&str> = proposal.lines().filter(|line| line.starts_with("root")).collect();
        assert_eq!(roots, ["root ::= s2p3 "]);
        let rule = r#"s2p3 ::= "{\"evidence\": [2], \"question\": \"" ask " " "was built " s2q5 "?\", \"answer\": \"" ( "Mill" | "Old\\\" Mill" | "The \\\"Old\\\" Mill" ) "\"}""#;
        assert!(proposal.lines().any(|line| line == rule), "{proposal}");
        assert!(answer.contains(r#"s2a1n1 ::= "Old" ( "\" " s2a2n2 )?"#) && !answer.contains("nothing"), "{answer}");
        // Every rule that is named is there.
        for grammar in [&proposal, &answer] {
            let there: Vec<&str> =
                grammar.lines().filter_map(|line| line.split_once(" ::= ")).map(|(name, _)| name).collect();
            let unescaped = grammar.replace("\\\\", "").replace("\\\"", "");
            let bare: String = unescaped.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            let named =
                bare.split(|c: char| !c.is_alphanumeric()).filter(|name| name.starts_with('s') && name.len() > 3);
            for name in named {
                assert!(there.contains(&name), "{name} in {grammar}");
            }
        }
        let (none, free) = held("Mills!");
        assert!(
            none.contains("root ::= \"{\\\"unanswerable\\\": 1}\"") && free.contains("( \"nothing\" )"),
            "{none} {free}"
        );
    }

    #[test]
    fn a_grammar_is_made_of_the_sentences_that_are_shown() {
        let grammar = "root ::= {% for part in parts %}{% for own in part.sentences %}\"{{ own.number }}\" {% endfor %}{% endfor %}";
        let grammars = Grammars { propose: Some(grammar.into()), ..Grammars::default() };
        let prompts = Prompts::new(Texts { grammars, ..Texts::read(&rules()).unwrap() }).unwrap();
        let parts = [part("Mills", "The Old Mill burned. It burned twice."), part("Towns", "Bern is a town.")];
        let told = prompts.told(&parts, true);
        let proposing = Proposing { task: Task::General, level: 1, solved: &[], words: 9, numbered: true };
        let asked = prompts.propose(&proposing, "b", &told).unwrap();
        assert_eq!(asked.grammar.as_deref(), Some("root ::= \"1\" \"2\" \"3\" "));
        let shown = &asked.messages[0].content;
        assert!(shown.contains("[2] It burned twice.\n") && shown.contains("[3] Bern is a town.\n"), "{shown}");
        let solve = prompts.solve(Task::General, "Where?", "b", &told).unwrap();
        assert!(solve.grammar.is_none() && solve.messages[0].content.contains("burned. It burned"));
    }
}
