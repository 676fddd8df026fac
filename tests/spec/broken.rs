//! A table of broken experiments: for each the message, the place (file, line, column, the line itself) and the mend.

#[path = "broken_axes.rs"]
mod axes;
#[path = "broken_rules.rs"]
mod rules;

use longlab::spec::{Mistake, SpecError, parse};
use std::path::Path;

/// What is wrong, the text, the place of the mistake (as the words that stand there), message and mend.
struct Case(&'static str, String, &'static str, &'static str, &'static str);

const HEAD: &str = "[experiment]\nname = \"demo\"\nseeds = [0, 1]\n\n";
const TWO: &str = "[[variant]]\nname = \"GRPO\"\n\n[[variant]]\nname = \"AEPO\"\n\"aepo.mode\" = \"latch\"\n\n";

/// Sections behind a sound head and two variants.
fn grid(what: &'static str, rest: &str, at: &'static str, message: &'static str, mend: &'static str) -> Case {
    Case(what, format!("{HEAD}{TWO}{rest}\n"), at, message, mend)
}

fn settings(what: &'static str, line: &str, at: &'static str, message: &'static str, mend: &'static str) -> Case {
    Case(what, format!("{HEAD}[base]\n{line}\n\n{TWO}"), at, message, mend)
}

fn heads() -> Vec<Case> {
    let head = |what, text: &str, at, message, mend| Case(what, format!("{text}\n{TWO}"), at, message, mend);
    vec![
        head("no head", "", "", "the [experiment] section is missing", "begin with [experiment]"),
        head(
            "no name",
            "[experiment]\nseeds = [0]",
            "[experiment]",
            "[experiment] has no `name`",
            "add name = \"...\"",
        ),
        head(
            "a name with a slash",
            "[experiment]\nname = \"a/b\"\nseeds = [0]",
            "\"a/b\"",
            "it contains '/'",
            "take letters",
        ),
        head(
            "a name that leaves",
            "[experiment]\nname = \"..\"\nseeds = [0]",
            "\"..\"",
            "it starts with a dot",
            "take letters",
        ),
        head(
            "the name jobs",
            "[experiment]\nname = \"jobs\"\nseeds = [0]",
            "\"jobs\"",
            "cannot be called `jobs`",
            "take another name",
        ),
        head("no seeds", "[experiment]\nname = \"a\"", "[experiment]", "has no `seeds`", "write seeds = [0, 1, 2]"),
        head("no seed", "[experiment]\nname = \"a\"\nseeds = []", "[]", "nothing to run", "write seeds = [0, 1, 2]"),
        head("a seed twice", "[experiment]\nname = \"a\"\nseeds = [4, 4]", "4]", "seed 4 stands twice", "write seeds"),
        head("a seed below 0", "[experiment]\nname = \"a\"\nseeds = [-4]", "-4", "seed -4 is negative", "write seeds"),
        head(
            "a scale there is not",
            "[experiment]\nname = \"a\"\nseeds = [0]\nscale = \"smoll\"",
            "\"smoll\"",
            "not one of `micro`",
            "did you mean \"smol\"?",
        ),
        head(
            "extends in the head",
            "[experiment]\nname = \"a\"\nseeds = [0]\nextends = \"b.toml\"",
            "\"b.toml\"",
            "stands in [experiment]",
            "above [experiment]",
        ),
        head(
            "extends no text",
            "extends = 3\n[experiment]\nname = \"a\"",
            "3",
            "`extends` is a text, found an integer",
            "extends = \"table5.toml\"",
        ),
        head(
            "extends from a text alone",
            "extends = \"b.toml\"\n[experiment]\nname = \"a\"",
            "\"b.toml\"",
            "this text is read alone",
            "as a file",
        ),
        head(
            "a section there is not",
            "[experiment]\nname = \"a\"\nseeds = [0]\n[[axes]]",
            "axes",
            "unknown section `axes`",
            "did you mean `axis`?",
        ),
        head("not TOML", "[experiment]\nname = ", "\n[[variant]]", "", "this is not TOML"),
    ]
}

fn keys() -> Vec<Case> {
    vec![
        settings(
            "a key there is not",
            "\"train.stepz\" = 4",
            "\"train.stepz\"",
            "unknown key `train.stepz`",
            "did you mean `train.steps`?",
        ),
        settings(
            "a key without its group",
            "clip_norm = 4",
            "clip_norm",
            "unknown key `clip_norm`",
            "did you mean `train.clip_norm`?",
        ),
        settings("a group for a key", "train = 4", "train = 4", "`train` is a group of keys", "`train.steps`"),
        settings(
            "a key twice",
            "\"train.steps\" = 4\ntrain.steps = 5",
            "steps = 5",
            "`train.steps` is set twice",
            "write it once",
        ),
        settings(
            "a number out of range",
            "\"rollout.top_p\" = 1.5",
            "1.5",
            "out of range for `rollout.top_p`: allowed is 0.01 to 1",
            "nearest allowed value is 1",
        ),
        settings(
            "a number beyond 64 bits",
            "\"data.seed\" = 99999999999999999999",
            "9999",
            "the number is too large",
            "",
        ),
        settings(
            "a text for a number",
            "\"train.steps\" = \"forty\"",
            "\"forty\"",
            "expected an integer, found string",
            "",
        ),
        settings("a fraction for an integer", "\"train.steps\" = 4.5", "4.5", "expected an integer, found float", ""),
        settings(
            "a choice there is not",
            "\"aepo.mode\" = \"lathc\"",
            "\"lathc\"",
            "not one of `off`, `latch`, `band`",
            "did you mean \"latch\"?",
        ),
        settings(
            "bounds that cross",
            "\"aepo.low\" = \"3x\"",
            "\"3x\"",
            "aepo.low (3x) lies above aepo.high (2x)",
            "the latch takes",
        ),
        settings(
            "lengths that cross",
            "\"data.min_tokens\" = 9000",
            "9000",
            "is greater than data.max_tokens (512)",
            "raise the greatest",
        ),
    ]
}

fn mistake(Case(what, text, ..): &Case) -> Mistake {
    match parse(text, Path::new("demo.toml")) {
        Err(SpecError::Mistake(mistake)) => *mistake,
        other => panic!("{what}: expected a mistake, got {other:?}"),
    }
}

/// The words at a place of the text.
fn words_at(text: &str, line: usize, column: usize) -> &str {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    &text[start + column - 1..]
}

#[test]
fn each_broken_spec_is_refused_at_its_place_with_its_mend() {
    let cases: Vec<Case> = [heads(), keys(), axes::axes(), rules::rules()].into_iter().flatten().collect();
    assert!(cases.len() >= 70, "{}", cases.len());
    for case in &cases {
        let Case(what, text, at, message, mend) = case;
        let found = mistake(case);
        let shown = found.to_string();
        assert!(found.message.contains(message), "{what}:\n{shown}");
        assert!(found.help.clone().unwrap_or_default().contains(mend), "{what}:\n{shown}");
        assert!(words_at(text, found.line, found.column).starts_with(at), "{what}:\n{shown}");
        // The file, the line and the column, and the line as it stands.
        assert!(shown.contains(&format!("demo.toml:{}:{}", found.line, found.column)), "{what}:\n{shown}");
        assert!(shown.contains(text.lines().nth(found.line - 1).unwrap_or_default().trim_end()), "{what}:\n{shown}");
    }
}

/// A grid of a million cells is counted and refused before any of it is made.
#[test]
fn a_million_cells_are_refused_with_their_number() {
    let axis = |name: &str, key: &str| {
        let values: Vec<String> = (1..=100).map(|value| value.to_string()).collect();
        format!("[[axis]]\nname = \"{name}\"\nkey = \"{key}\"\nvalues = [{}]\n", values.join(", "))
    };
    let axes = axis("a", "train.steps") + &axis("b", "train.prompts") + &axis("c", "train.group");
    let text = format!("{HEAD}{TWO}{axes}");
    let start = std::time::Instant::now();
    let found = mistake(&Case("a million", text.clone(), "", "", ""));
    let counted = "2 variants x 100 x 100 x 100 x 2 seeds = 4,000,000 jobs: an experiment has 50,000 at most";
    assert_eq!(found.message, counted);
    assert!(found.help.as_deref().unwrap_or_default().contains("zip axes"), "{found}");
    assert!(words_at(&text, found.line, found.column).starts_with("\"c\""), "{found}");
    assert!(start.elapsed().as_secs_f64() < 2.0, "it was not refused before any work");
    // Where the axes are conditional the walk itself stops.
    let hidden = text.replace("key = ", "when = { \"gate.level\" = \"none\" }\nkey = ");
    let found = mistake(&Case("hidden", hidden, "", "", ""));
    assert!(found.message.contains("an experiment has 50,000 at most"), "{found}");
}
