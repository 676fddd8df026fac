//! The reference page of all keys, `docs/keys.md`, rendered from the declarations.

use super::MEASURES;
use super::choice::{Kind, Scale, Scatter, listed};
use super::key::{Key, short};
use super::settings::{GROUPS, KEYS};
use std::fmt::Write;

/// The text of `docs/keys.md`.
pub fn reference() -> String {
    let mut page = head();
    for (group, about) in GROUPS {
        // Writing into a string cannot fail.
        let _ = write!(page, "\n## {group}\n\n{}\n\n", about.trim());
        page.push_str("| key | type | default | allowed | unit | where the default comes from | meaning |\n");
        page.push_str("|---|---|---|---|---|---|---|\n");
        for key in KEYS.iter().filter(|key| key.path.rsplit_once('.').is_some_and(|(of, _)| of == *group)) {
            page.push_str(&row(key));
        }
    }
    page
}

fn row(key: &Key) -> String {
    let allowed = match (key.range, key.choices) {
        (Some((low, high)), _) => format!("{} to {}", short(low), short(high)),
        (None, []) => String::new(),
        (None, choices) => listed(choices),
    };
    let cells = [&format!("`{}`", key.path), key.kind, &format!("`{}`", key.default()), &allowed, key.unit];
    let cells: Vec<String> =
        cells.into_iter().chain([key.source, key.doc]).map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn head() -> String {
    format!(
        "\
# Keys of an experiment file

This page is made from the declarations in `src/spec/settings.rs`; a test compares them. To make it anew:
`LONGLAB_BLESS=1 cargo test --test spec reference`.

An experiment file is TOML. Unknown keys are refused everywhere.

| section | keys |
|---|---|
| `extends` | above all sections: the file that this one lies over, relative to it (docs/sweeps.md) |
| `[experiment]` | `name` (names results and reports), `title`, `paper` (a published table, `experiments/paper/<paper>.csv`), \
`scale` ({scales}; default `micro`), `kind` ({kinds}; default `rl`), `seeds` (a list of integers, each once), \
`scatter` ({scatters}: the report shows entropy against gradient norm of these responses, as Fig. 9 does) |
| `[base]` | any settings key; holds for all variants |
| `[[variant]]` | `name`, `paper` (its row in the published table; default: its name), and any settings key |
| `[[axis]]` | `name`, `key` or `keys` (several move together), `values`, `labels`, `variant` and `when` (where it applies) |
| `[[include]]`, `[[exclude]]` | `variant`, `axis`, `when` (which cells), `reason` |
| `[[override]]` | `variant`, `axis`, `when` (which cells), `set` (any settings key), `reason` |
| `[[claim]]` | `text`, `better` and `worse` (variants; the measure of `better` is claimed to be the greater one), \
`measure` ({measures}; the last three are means over the last ten steps) |
| `[[figure]]` | `title`, `file` (published curves, under `experiments/paper/figures/`), `unit` |

A settings key is written dotted and in quotes, `\"train.steps\" = 40`, or inside the table of its group, `[base.train]` and \
`steps = 40`. The last of these has the last word: the defaults below, the preset of the scale (`experiments/scales/`), `[base]`, the \
variant, its axes in their order, overrides. How cells are made of variants and axes: [sweeps.md](sweeps.md). Everything that can change a result is part of a \
job's identity; keys that do not act (the bounds of an AEPO that is off, say) are not.
",
        scales = listed(Scale::NAMES),
        kinds = listed(Kind::NAMES),
        scatters = listed(Scatter::NAMES),
        measures = listed(MEASURES),
    )
}
