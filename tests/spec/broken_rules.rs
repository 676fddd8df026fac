//! Broken rules and the claims about what they leave, for the table in `broken.rs`.

use super::axes::axis;
use super::{Case, grid};

/// A rule on a grid with the axis `rate` of 1e-4 and 3e-4.
fn rule(what: &'static str, lines: &str, at: &'static str, message: &'static str, mend: &'static str) -> Case {
    let rate =
        "[[axis]]\nname = \"rate\"\nkey = \"train.rate\"\nvalues = [1e-4, 3e-4]\nlabels = [\"low\", \"high\"]\n\n";
    grid(what, &format!("{rate}{lines}"), at, message, mend)
}

pub fn rules() -> Vec<Case> {
    vec![
        rule(
            "a rule about everything",
            "[[exclude]]\nreason = \"r\"",
            "[[exclude]]",
            "does not say which cells",
            "add variant = ",
        ),
        rule(
            "a rule without a reason",
            "[[exclude]]\nvariant = \"GRPO\"",
            "[[exclude]]",
            "[[exclude]] has no `reason`",
            "the plan prints it",
        ),
        rule(
            "a rule with a word there is not",
            "[[exclude]]\nvariants = [\"GRPO\"]\nreason = \"r\"",
            "variants",
            "unknown key `variants`",
            "did you mean `variant`?",
        ),
        rule(
            "a rule on a variant there is not",
            "[[exclude]]\nvariant = [\"GRPO\", \"GPRO\"]\nreason = \"r\"",
            "\"GPRO\"",
            "there is no variant `GPRO`",
            "did you mean `GRPO`?",
        ),
        rule(
            "a rule on an axis there is not",
            "[[exclude]]\naxis = { rat = \"low\" }\nreason = \"r\"",
            "rat =",
            "there is no axis `rat`",
            "did you mean `rate`?",
        ),
        rule(
            "a rule on a label there is not",
            "[[exclude]]\naxis = { rate = \"lwo\" }\nreason = \"r\"",
            "\"lwo\"",
            "axis `rate` has no value \"lwo\"",
            "did you mean `low`?",
        ),
        rule(
            "a rule on a value there is not",
            "[[exclude]]\naxis = { rate = 5e-4 }\nreason = \"r\"",
            "5e-4",
            "axis `rate` has no value 0.0005",
            "valid here: `low`, `high`",
        ),
        rule(
            "a rule about no cell",
            "[[exclude]]\nwhen = { \"gate.level\" = \"token\" }\nreason = \"r\"",
            "[[exclude]]",
            "this [[exclude]] is about no cell",
            "`longlab plan`",
        ),
        rule(
            "an include about no cell",
            "[[include]]\nwhen = { \"gate.level\" = \"token\" }\nreason = \"r\"",
            "[[include]]",
            "this [[include]] is about no cell",
            "`longlab plan`",
        ),
        rule(
            "nothing left",
            "[[exclude]]\nvariant = [\"GRPO\", \"AEPO\"]\nreason = \"r\"",
            "[[exclude]]",
            "no cell is left",
            "loosen one",
        ),
        rule(
            "an override of nothing",
            "[[override]]\nvariant = \"GRPO\"",
            "[[override]]",
            "[[override]] has no `set`",
            "add set = ",
        ),
        rule(
            "an override with an empty set",
            "[[override]]\nvariant = \"GRPO\"\nset = {}",
            "{}",
            "`set` is empty",
            "add set = ",
        ),
        rule(
            "an override out of range",
            "[[override]]\nvariant = \"GRPO\"\nset = { \"train.group\" = 0 }",
            "0 }",
            "0 is out of range for `train.group`",
            "1 responses",
        ),
        rule(
            "a rule that is no list",
            "[exclude]\nvariant = \"GRPO\"",
            "[exclude]",
            "`exclude` is a list of sections",
            "[[exclude]]",
        ),
        rule(
            "a claim about an excluded variant",
            "[[exclude]]\nvariant = \"GRPO\"\nreason = \"r\"\n[[claim]]\ntext = \"t\"\nbetter = \"AEPO\"\nworse = \"GRPO\" \nmeasure = \"avg\"",
            "\"GRPO\" ",
            "no cell of `GRPO` is left",
            "take the claim out",
        ),
        rule(
            "a claim about an excluded cell",
            "[[exclude]]\nvariant = \"GRPO\"\naxis = { rate = \"low\" }\nreason = \"why not\"\n[[claim]]\ntext = \"t\"\nbetter = \"GRPO, rate=low\"\nworse = \"AEPO\" \nmeasure = \"avg\"",
            "\"GRPO, rate=low\"",
            "is not there: why not (demo.toml:18)",
            "name a cell of the plan",
        ),
        rule(
            "a claim about no variant",
            "[[claim]]\ntext = \"t\"\nbetter = \"AEPO, rate=lo\"\nworse = \"GRPO\"\nmeasure = \"avg\"",
            "\"AEPO, rate=lo\"",
            "there is no variant `AEPO, rate=lo`",
            "did you mean `AEPO, rate=low`?",
        ),
        axis(
            "a variant that is called as a cell",
            "key = \"aepo.lag\"\nvalues = [0, 1]\nvariant = \"AEPO\"\n[[variant]]\nname = \"AEPO, x=0\"",
            "\"AEPO, x=0\"",
            "two cells are called `AEPO, x=0`: of the variants `AEPO`, `AEPO, x=0`",
            "rename one",
        ),
    ]
}
