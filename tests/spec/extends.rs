//! Experiments that extend others: what is inherited, what is overridden, and what is refused before any work.

use longlab::spec::{Experiment, Mistake, SpecError, load_in};
use std::path::Path;
use tempfile::TempDir;

const PARENT: &str = "\
[experiment]
name = \"parent\"
title = \"The parent\"
kind = \"base\"
seeds = [0, 1]

[base]
\"warm.steps\" = 100
\"warm.tokens\" = 1000

[[variant]]
name = \"A\"

[[variant]]
name = \"B\"
\"warm.rate\" = 1e-3

[[axis]]
name = \"echo\"
key = \"warm.echo\"
values = [0, 10, 20]

[[exclude]]
variant = \"B\"
axis = { echo = 20 }
reason = \"too long\"

[[claim]]
text = \"B beats A\"
better = \"B\"
worse = \"A\"
measure = \"avg\"
";

const CHILD: &str = "extends = \"parent.toml\"\n[experiment]\nname = \"child\"\n";

/// A project of these files; `child.toml` is the one that is loaded.
struct Project(TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Project {
        let project = Project(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = project.0.path().join("lab").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        project
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("lab")
    }

    fn load(&self) -> Result<Experiment, SpecError> {
        load_in(&self.root().join("child.toml"), &self.root())
    }

    fn mistake(&self) -> Mistake {
        match self.load() {
            Err(SpecError::Mistake(mistake)) => *mistake,
            other => panic!("expected a mistake, got {other:?}"),
        }
    }
}

/// The child of [`PARENT`] with these sections.
fn child(rest: &str) -> Experiment {
    let text = format!("{CHILD}{rest}");
    let project = Project::new(&[("parent.toml", PARENT), ("child.toml", &text)]);
    project.load().unwrap_or_else(|error| panic!("{error}"))
}

fn names(experiment: &Experiment) -> Vec<&str> {
    experiment.variants.iter().map(|variant| variant.name.as_str()).collect()
}

#[test]
fn all_but_the_name_is_inherited() {
    let experiment = child("");
    assert_eq!((experiment.name.as_str(), experiment.title.as_str()), ("child", "The parent"));
    assert_eq!(experiment.seeds, [0, 1]);
    assert_eq!(names(&experiment), ["A, echo=0", "A, echo=10", "A, echo=20", "B, echo=0", "B, echo=10"]);
    assert_eq!(experiment.grid.excluded[0].reason, "too long (parent.toml:23)");
    assert_eq!(experiment.claims.len(), 2);
    assert!(experiment.path.ends_with("child.toml"));
    let sources: Vec<_> = experiment.sources.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(sources, ["parent.toml", "child.toml"]);
}

#[test]
fn the_child_has_the_last_word_key_by_key() {
    let experiment = child(
        "seeds = [7]\n[base]\n\"warm.steps\" = 50\n[[variant]]\nname = \"B\"\n\"warm.tokens\" = 500\n[[variant]]\nname = \"C\"\n\
         [[axis]]\nname = \"echo\"\nkey = \"warm.echo\"\nvalues = [0, 20]\n",
    );
    assert_eq!(experiment.seeds, [7]);
    assert_eq!(names(&experiment), ["A, echo=0", "A, echo=20", "B, echo=0", "C, echo=0", "C, echo=20"]);
    let warm = |index: usize| &experiment.variants[index].settings.warm;
    assert_eq!((warm(0).steps, warm(0).tokens, warm(0).rate), (50, 1000, 2e-3));
    assert_eq!((warm(2).steps, warm(2).tokens, warm(2).rate), (50, 500, 1e-3));
}

/// A rule takes a variant of the parent out, and with it the claims about it, which the plan says.
#[test]
fn inherited_claims_that_have_nothing_to_compare_are_noted() {
    let experiment = child("[[exclude]]\nvariant = \"B\"\nreason = \"only A here\"\n");
    assert_eq!(names(&experiment), ["A, echo=0", "A, echo=10", "A, echo=20"]);
    assert!(experiment.claims.is_empty());
    assert_eq!(experiment.grid.notes, ["claim left out: B beats A: no cell of `B` is left to compare"]);
}

#[test]
fn a_claim_of_the_same_text_takes_the_place_of_the_inherited_one() {
    let claim = "[[claim]]\ntext = \"B beats A\"\nbetter = \"A\"\nworse = \"B\"\nmeasure = \"MRCR\"\n";
    let experiment = child(claim);
    assert_eq!(experiment.claims.len(), 2);
    assert_eq!((experiment.claims[0].better.as_str(), experiment.claims[0].measure.as_str()), ("A, echo=0", "MRCR"));
}

/// A mistake in the parent is shown in the parent.
#[test]
fn mistakes_are_shown_in_the_file_that_holds_them() {
    let parent = PARENT.replace("warm.tokens", "warm.tokenz");
    let found = Project::new(&[("parent.toml", &parent), ("child.toml", CHILD)]).mistake();
    assert!(found.path.ends_with("parent.toml") && found.line == 9, "{found}");
    // One that comes from both is shown where the last word was said.
    let text = format!("{CHILD}[[axis]]\nname = \"tokens\"\nkey = \"warm.tokens\"\nvalues = [1]\n");
    let found = Project::new(&[("parent.toml", PARENT), ("child.toml", &text)]).mistake();
    assert!(found.path.ends_with("child.toml") && found.line == 7, "{found}");
}

#[test]
fn the_name_is_not_inherited() {
    let found =
        Project::new(&[("parent.toml", PARENT), ("child.toml", "extends = \"parent.toml\"\n[experiment]\n")]).mistake();
    assert_eq!(found.message, "[experiment] has no `name`");
    let found = Project::new(&[("parent.toml", PARENT), ("child.toml", "extends = \"parent.toml\"\n")]).mistake();
    assert_eq!(found.message, "the [experiment] section is missing");
}

#[test]
fn circles_are_refused() {
    let itself = format!("extends = \"child.toml\"\n{}", &CHILD[CHILD.find('[').unwrap()..]);
    let found = Project::new(&[("child.toml", &itself)]).mistake();
    assert_eq!(found.message, "`extends` goes in a circle: child.toml -> child.toml");
    assert_eq!((found.line, found.column), (1, 11));
    let back = format!("extends = \"sub/../child.toml\"\n{PARENT}");
    let found = Project::new(&[("sub/x", ""), ("parent.toml", &back), ("child.toml", CHILD)]).mistake();
    assert_eq!(found.message, "`extends` goes in a circle: child.toml -> parent.toml -> child.toml");
    assert!(found.path.ends_with("parent.toml"), "{found}");
}

#[test]
fn long_lines_of_ancestors_are_refused() {
    let name = |depth: usize| if depth == 0 { "child.toml".to_string() } else { format!("a{depth}.toml") };
    let project = |files: usize| {
        let text = |depth: usize| match depth + 1 == files {
            true => PARENT.to_string(),
            false => format!("extends = \"{}\"\n[experiment]\nname = \"n{depth}\"\n", name(depth + 1)),
        };
        let files: Vec<(String, String)> = (0..files).map(|depth| (name(depth), text(depth))).collect();
        Project::new(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
    };
    project(8).load().unwrap_or_else(|error| panic!("{error}"));
    let found = project(9).mistake();
    assert_eq!(found.message, "8 files extend one another already");
    assert!(found.path.ends_with("a7.toml"), "{found}");
}

#[test]
fn files_outside_the_project_are_refused() {
    let with = |extends: &str| {
        let project = Project::new(&[("child.toml", &CHILD.replace("parent.toml", extends))]);
        std::fs::write(project.0.path().join("outside.toml"), PARENT).unwrap();
        project.mistake()
    };
    let found = with("../outside.toml");
    assert!(found.message.starts_with("`extends` leaves the project"), "{found}");
    assert!(found.help.as_deref().unwrap_or_default().contains("copy that file into it"), "{found}");
    assert_eq!((found.line, found.column), (1, 11));
    assert!(with("/etc/passwd").message.contains("the relative path of a TOML file"));
    assert!(with("parent").message.contains("the relative path of a TOML file"));
    assert!(with("nowhere.toml").message.contains("there is no file"));
    // A link does not get out either.
    #[cfg(unix)]
    {
        let project = Project::new(&[("child.toml", CHILD)]);
        std::fs::write(project.0.path().join("outside.toml"), PARENT).unwrap();
        std::os::unix::fs::symlink(project.0.path().join("outside.toml"), project.root().join("parent.toml")).unwrap();
        assert!(project.mistake().message.starts_with("`extends` leaves the project"));
    }
}

#[test]
fn a_base_policy_outside_the_project_is_refused() {
    let text = "[experiment]\nname = \"a\"\nseeds = [0]\n[base]\n\"model.base\" = \"models/../../secret\"\n[[variant]]\nname = \"A\"\n";
    let found = Project::new(&[("child.toml", text)]).mistake();
    assert_eq!(found.message, "the base policy `models/../../secret` lies outside the project");
    assert_eq!((found.line, found.column), (5, 16));
}

/// The resolved text of an experiment that extends others stands on its own.
#[test]
fn the_resolved_text_needs_no_other_file() {
    let mut experiment = child("");
    let again = longlab::spec::parse(&experiment.resolved(), Path::new("resolved.toml")).unwrap();
    // Written out, a claim about swept variants is one claim for each point, which its text names.
    assert!(experiment.claims.iter().all(|claim| claim.text.ends_with(&format!("[{}]", claim.at.as_deref().unwrap()))));
    experiment.claims.iter_mut().for_each(|claim| claim.at = None);
    assert_eq!((again.variants, again.claims), (experiment.variants, experiment.claims));
}
