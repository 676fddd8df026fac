//! One broken experiment a mistake: message, place and mend.

use super::{mistake, read, spec};

/// Checks that `text` is refused with `message` at the place of `at` in it, and with `help`.
#[track_caller]
fn refused(text: &str, at: &str, message: &str, help: &str) {
    let mistake = mistake(text);
    assert!(mistake.message.contains(message), "message: {}", mistake.message);
    let start = text.find(at).unwrap_or_else(|| panic!("{at} is not in the text"));
    let line = text[..start].matches('\n').count() + 1;
    let column = start - text[..start].rfind('\n').map_or(0, |newline| newline + 1) + 1;
    assert_eq!((mistake.line, mistake.column), (line, column), "place of {}", mistake.message);
    assert!(mistake.help.clone().unwrap_or_default().contains(help), "help: {:?}", mistake.help);
    let shown = mistake.to_string();
    assert!(shown.contains(&format!("demo.toml:{line}:{column}")), "{shown}");
    assert!(shown.contains(text.lines().nth(line - 1).unwrap_or_default().trim_end()), "{shown}");
    assert!(shown.contains('^') || text.is_empty(), "{shown}");
}

#[test]
fn the_whole_message() {
    let shown = mistake(&spec("\"train.stepz\" = 40", "")).to_string();
    let expected = "\
error: unknown key `train.stepz`
 --> demo.toml:6:1
  |
6 | \"train.stepz\" = 40
  | ^^^^^^^^^^^^^
  |
  = help: did you mean `train.steps`?";
    assert_eq!(shown, expected);
}

#[test]
fn misspelled_keys() {
    refused(&spec("", "\"aepo.lwo\" = 0.1"), "\"aepo.lwo\"", "unknown key `aepo.lwo`", "did you mean `aepo.low`?");
    refused(&spec("[base.train]\nstep = 3", ""), "step = 3", "unknown key `train.step`", "`train.steps`");
    refused(&spec("train.stesp = 3", ""), "stesp", "unknown key `train.stesp`", "`train.steps`");
    refused(&spec("clip_norm = 3", ""), "clip_norm", "unknown key `clip_norm`", "did you mean `train.clip_norm`?");
    refused(&spec("", "nmae = \"B\""), "nmae", "unknown key `nmae`", "did you mean `name`?");
    refused(&spec("\"loss.zebra\" = 1", ""), "\"loss.zebra\"", "unknown key `loss.zebra`", "`loss.normalizer`");
    refused(&spec("\"zebras.ahead\" = 1", ""), "\"zebras.ahead\"", "unknown key", "docs/keys.md");
    refused(&spec("train = 3", ""), "train", "`train` is a group of keys", "`train.steps`");
    refused(&spec("", "[[clam]]\ntext = \"\""), "clam", "unknown section `clam`", "did you mean `claim`?");
    refused("[experiment]\nseed = [1]\nname = \"x\"", "seed", "unknown key `seed`", "did you mean `seeds`?");
}

#[test]
fn keys_set_twice() {
    let twice = spec("\"train.steps\" = 3\n[base.train]\nsteps = 4", "");
    refused(&twice, "steps = 4", "`train.steps` is set twice", "write it once");
}

#[test]
fn wrong_types() {
    let cases = [
        ("\"train.steps\" = \"forty\"", "\"forty\"", "expected an integer, found string \"forty\""),
        ("\"train.steps\" = 40.5", "40.5", "expected an integer, found float 40.5"),
        ("\"train.steps\" = true", "true", "expected an integer, found boolean true"),
        ("\"train.rate\" = [1]", "[1]", "expected a number, found array"),
        ("\"model.base\" = 3", "3", "expected a text, found integer 3"),
        ("\"model.base\" = \"\"", "\"\"", "the text is empty"),
        ("\"aepo.low\" = false", "false", "expected a factor or nats"),
        ("\"train.steps\" = { a = 1 }", "{ a", "expected an integer, found table"),
    ];
    for (line, at, message) in cases {
        refused(&spec(line, ""), at, message, "");
    }
    refused(&spec("\"sampler.kind\" = 1", ""), "1\n\n[[v", "expected a choice, found integer 1", "`task_balanced`");
}

#[test]
fn out_of_range() {
    let steps = spec("\"train.steps\" = 2000000", "");
    refused(&steps, "2000000", "2000000 is out of range for `train.steps`: allowed is 0 to 1000000", "1000000 steps");
    refused(&spec("\"rollout.top_p\" = 1.5", ""), "1.5", "allowed is 0.01 to 1", "nearest allowed value is 1");
    refused(&spec("\"train.group\" = -8", ""), "-8", "-8 is out of range for `train.group`", "1 responses");
    refused(&spec("\"train.rate\" = nan", ""), "nan", "nan is out of range", "");
    refused(&spec("\"train.rate\" = inf", ""), "inf", "inf is out of range", "");
    refused(&spec("\"data.seed\" = 99999999999999999999", ""), "99999", "the number is too large", "");
}

#[test]
fn unknown_choices_and_levels() {
    let message = "`task_blanced` is not one of `random`, `task_balanced`";
    refused(&spec("\"sampler.kind\" = \"task_blanced\"", ""), "\"task_bl", message, "did you mean \"task_balanced\"?");
    refused(&spec("\"gate.threshold\" = \"q1.8\"", ""), "\"q1.8\"", "`q1.8` is not a quantile", "");
    refused(&spec("\"gate.threshold\" = \"1.1x\"", ""), "\"1.1x\"", "`1.1x` is not a quantile", "");
    refused(&spec("\"aepo.high\" = \"2 times\"", ""), "\"2 times\"", "`2 times` is not a factor such as", "");
    refused(&spec("\"aepo.high\" = -0.5", ""), "-0.5", "`-0.5` is not a factor", "");
    let scale = "[experiment]\nname = \"x\"\nseeds = [1]\nscale = \"micr\"";
    refused(scale, "\"micr\"", "`micr` is not one of `micro`, `smol`, `4b`, `30b`", "did you mean \"micro\"?");
}

#[test]
fn claims_about_nothing() {
    let claim = |better: &str, worse: &str, measure: &str| {
        let keys = format!("text = \"t\"\nbetter = \"{better}\"\nworse = \"{worse}\"\nmeasure = \"{measure}\"");
        spec("", &format!("[[variant]]\nname = \"GRPO\"\n[[claim]]\n{keys}"))
    };
    refused(&claim("GPRO", "A", "avg"), "\"GPRO\"", "there is no variant `GPRO`", "did you mean `GRPO`?");
    refused(
        &claim("A", "whatever", "avg"),
        "\"whatever\"",
        "there is no variant `whatever`",
        "valid here: `A`, `GRPO`",
    );
    refused(&claim("A", "GRPO", "docmath"), "\"docmath\"", "there is no measure `docmath`", "did you mean `DocMath`?");
    refused(&claim("GRPO", "GRPO", "avg"), "\"GRPO\"\nmeasure", "`GRPO` is compared with itself", "");
    let base = claim("GRPO", "A", "reward").replace("seeds", "kind = \"base\"\nseeds");
    refused(&base, "\"reward\"", "kind `base` does not measure `reward`", "take `avg` or a suite");
}

#[test]
fn seeds() {
    let seeds = |list: &str| format!("[experiment]\nname = \"x\"\nseeds = {list}\n[[variant]]\nname = \"A\"\n");
    refused(&seeds("[]"), "[]", "`seeds` is empty", "seeds = [0, 1, 2]");
    refused(&seeds("[3, 4, 3]"), "3]", "seed 3 stands twice", "");
    refused(&seeds("[0, -1]"), "-1", "seed -1 is negative", "");
    refused(&seeds("[0, \"1\"]"), "\"1\"", "a seed is an integer, found a string", "");
    refused(&seeds("5"), "5", "`seeds` is a list of integers, found an integer", "");
    refused(&seeds("[99999999999999999999]"), "99999", "the seed is too large", "");
    refused("[experiment]\nname = \"x\"\n", "[experiment]", "has no `seeds`", "");
}

#[test]
fn variants() {
    let twice = spec("", "\n[[variant]]\nname = \"B\"\n\n[[variant]]\nname = \"B\"");
    let second = mistake(&twice);
    assert!(second.message.contains("variant `B` is there already, on line 12"), "{second}");
    assert_eq!(second.line, 15);
    refused("[experiment]\nname = \"x\"\nseeds = [1]\n", "[experiment]", "no variants", "[[variant]]");
    refused(&spec("", "[[variant]]\n\n[[claim]]"), "[[variant]]\n\n[[claim", "[[variant]] has no `name`", "add name");
    let single = "[experiment]\nname = \"x\"\nseeds = [1]\n[variant]\nname = \"A\"\n";
    refused(single, "[variant]", "`variant` is a list of sections", "[[variant]]");
}

#[test]
fn names_that_are_no_file_names() {
    for name in ["../up", "a/b", ".hidden", "-rf", "tab\\tulator", " a", "a:b"] {
        let text = spec("", &format!("[[variant]]\nname = \"{name}\""));
        refused(&text, &format!("\"{name}\""), "cannot be a file name", "");
        let text = format!("[experiment]\nname = \"{name}\"\nseeds = [1]");
        refused(&text, &format!("\"{name}\""), "cannot be a file name", "");
    }
    let long = "x".repeat(101);
    refused(&spec("", &format!("[[variant]]\nname = \"{long}\"")), "\"xxx", "it is 101 bytes long", "");
    refused("[experiment]\nname = \"jobs\"\nseeds = [1]", "\"jobs\"", "cannot be called `jobs`", "results/jobs");
    refused("[experiment]\nname = \"\"\nseeds = [1]", "\"\"", "`name` is empty", "");
    refused("[experiment]\nname = \"a\"\npaper = \"../x\"\nseeds = [1]", "\"../x\"", "cannot be a file name", "");
    let figure = spec("", "[[figure]]\ntitle = \"t\"\nunit = \"nats\"\nfile = \"../../secret.csv\"");
    refused(&figure, "\"../../", "cannot be a file name", "");
}

#[test]
fn syntax() {
    refused(&spec("\"train.steps\" = ", ""), "\n\n[[variant]]", "", "this is not TOML");
    refused("[experiment\nname = 1", "\nname", "", "this is not TOML");
    refused("[experiment]\nname = \"a\"\nname = \"b\"\n", "name = \"b\"", "duplicate key", "");
    refused("", "", "the [experiment] section is missing", "experiments/quickstart.toml");
    refused("experiment = 3\n", "3", "[experiment] is a section, found an integer", "");
}

#[test]
fn keys_that_contradict_each_other() {
    let crossed = spec("\"aepo.high\" = \"1.5x\"", "\"aepo.low\" = \"1.6x\"");
    refused(&crossed, "\"1.6x\"", "aepo.low (1.6x) lies above aepo.high (1.5x)", "latch");
    let nats = spec("", "\"aepo.low\" = 0.3\n\"aepo.high\" = 0.2");
    refused(&nats, "0.3", "aepo.low (0.3) lies above aepo.high (0.2)", "");
    refused(
        &spec("\"data.min_tokens\" = 600", ""),
        "600",
        "data.min_tokens (600) is greater than data.max_tokens (512)",
        "",
    );
    refused(&spec("\"eval.long_max\" = 900", ""), "900", "eval.long_min (1024) is greater", "");
    let zero = ["multiple_choice", "multi_hop", "reading", "dialogue", "numeric"].map(|task| format!("{task} = 0"));
    let empty = spec(&format!("[base.data.mix]\n{}", zero.join("\n")), "");
    refused(&empty, "0\nmulti_hop", "the pool would be empty", "");
    let base = |line: &str| spec(line, "").replace("seeds", "kind = \"base\"\nseeds");
    let short = base("\"warm.long_tokens\" = 300");
    refused(&short, "300", "warm.long_tokens (300) is less than data.max_tokens (512)", "long_share to 0");
    let start = base("\"warm.start_tokens\" = 600");
    refused(&start, "600", "warm.start_tokens (600) is greater than data.max_tokens (512)", "");
    refused(&base("\"model.head_dim\" = 31"), "31", "model.head_dim (31) is odd", "");
    let odd = base("\"model.kv_heads\" = 3");
    refused(&odd, "3", "model.kv_heads (3) does not divide model.heads (4)", "");
}

#[test]
fn gates_that_would_do_nothing() {
    refused(&spec("", "\"gate.side\" = \"low\""), "\"low\"", "nothing would be clipped", "\"gate.level\" = \"token\"");
    refused(&spec("", "\"aepo.removal\" = \"drop\""), "\"drop\"", "AEPO is set but `aepo.mode` is not", "\"latch\"");
}

/// The English world has documents of some lengths only, and its warm start needs a policy that can read.
#[test]
fn what_the_english_world_cannot_do() {
    let english = |rest: &str| spec(&format!("\"data.world\" = \"english\"\n{rest}"), "");
    let (short, long) = (english("\"data.min_tokens\" = 249"), english("\"eval.max_tokens\" = 4001"));
    refused(&short, "249", "data.min_tokens is 249 and data.world is `english`", "between them");
    refused(&long, "4001", "documents have 250 to 4000 tokens", "between them");
    read(&english("\"eval.long_items\" = 0\n\"eval.long_max\" = 9000"));
    let scratch = english("").replace("seeds", "kind = \"base\"\nseeds");
    refused(&scratch, "\"english\"", "warm.from is `scratch`", "docs/smol.md");
    read(&english("\"warm.from\" = \"models/smol\"").replace("seeds", "kind = \"base\"\nseeds"));
}

/// Self-play is about facts of the micro world, and its own judge.
#[test]
fn what_self_play_cannot_do() {
    let facts = "\"data.mix.dialogue\" = 0\n\"data.mix.numeric\" = 0\n";
    let play = |rest: &str| spec(&format!("{facts}\"spell.learn\" = \"all\"\n{rest}"), "");
    read(&play(""));
    let mixed = spec("\"spell.learn\" = \"all\"\n\"data.mix.numeric\" = 0", "");
    refused(&mixed, "\"all\"", "no question can be posed", "data.mix.dialogue");
    refused(&play("\"reward.judge\" = \"server\""), "\"server\"", "are both set", "its own judge");
    refused(&play("\"data.file\" = \"made\""), "\"made\"", "are both set", "leave data.file out");
    refused(&play("\"spell.agree_low\" = 0.995"), "0.995", "spell.agree_low (0.995) is greater than", "raise");
    refused(&play("\"data.world\" = \"english\""), "\"english\"", "data.world is `english`", "");
}
