//! `[[include]]`, `[[exclude]]` and `[[override]]`: which cells there are, and what is different in some of them.

use super::condition::{Condition, Names, Seen};
use super::error::{SpecError, Spot};
use super::layer::{Assignment, assignments};
use super::part::Part;
use super::settings::Settings;
use std::cell::Cell;

/// What a rule does to the cells that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Only these are there.
    Include,
    /// These are not.
    Exclude,
    /// These have some keys of their own.
    Override,
}

impl Deed {
    /// The name of the list in the file and the title in messages.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Deed::Include => ("include", "[[include]]"),
            Deed::Exclude => ("exclude", "[[exclude]]"),
            Deed::Override => ("override", "[[override]]"),
        }
    }
}

/// A rule as it is written.
pub(super) struct Rule<'a> {
    pub deed: Deed,
    pub spot: Spot<'a>,
    /// Why, in words; empty where an override gives none.
    pub reason: String,
    /// The keys of an override.
    pub set: Vec<Assignment<'a>>,
    condition: Condition<'a>,
    /// Whether the file itself wrote it, and not one that it extends.
    own: bool,
    used: Cell<bool>,
}

impl<'a> Rule<'a> {
    pub fn read(part: Part<'a>, deed: Deed, names: Names<'_, 'a>, own: bool) -> Result<Rule<'a>, SpecError> {
        let title = deed.names().1;
        let words = ["variant", "axis", "when", "reason", "set"];
        part.known(if deed == Deed::Override { &words } else { &words[..4] })?;
        let condition = Condition::read(part, names)?;
        if condition.is_empty() {
            let message = format!("{title} does not say which cells it is about");
            return Err(part.spot().error(message, "add variant = \"...\", axis = { ... } or when = { ... }"));
        }
        let reason = match part.text("reason")? {
            Some((reason, _)) => reason,
            None if deed == Deed::Override => String::new(),
            None => return Err(part.missing("reason", "add reason = \"...\": the plan prints it for every cell")),
        };
        let set = if deed == Deed::Override { read_set(part)? } else { Vec::new() };
        Ok(Rule { deed, spot: part.spot(), reason, set, condition, own, used: Cell::new(false) })
    }

    /// Whether the rule is about a cell.
    ///
    /// An axis that does not apply to a cell never takes it out: it agrees with what an include says of the axis, and with nothing that
    /// an exclude or an override says of it.
    pub fn holds(&self, cell: Seen<'_>) -> bool {
        let holds = self.condition.holds(cell, self.deed == Deed::Include);
        self.used.set(self.used.get() || holds);
        holds
    }

    /// `table4.toml:12`, and the reason if there is one.
    pub fn why(&self) -> String {
        format!("{} ({})", self.reason, self.spot.short())
    }

    /// Refuses a rule of the file itself that was about no cell.
    pub fn check_used(&self) -> Result<(), SpecError> {
        if self.used.get() || !self.own {
            return Ok(());
        }
        let message = format!("this {} is about no cell", self.deed.names().1);
        Err(self.spot.error(message, "no cell has all that it says; `longlab plan` without the rule shows the cells"))
    }
}

fn read_set<'a>(part: Part<'a>) -> Result<Vec<Assignment<'a>>, SpecError> {
    let Some(table) = part.inner("set", "`set`")? else {
        return Err(part.missing("set", "add set = { \"train.micro_prompts\" = 1 }"));
    };
    let found = assignments(table.source, table.table, &[])?;
    if found.is_empty() {
        return Err(table.spot().error("`set` is empty", "add set = { \"train.micro_prompts\" = 1 }"));
    }
    // Checked here, so that a rule about no cell is checked as well.
    found.iter().try_for_each(|assignment| assignment.apply(&mut Settings::default()))?;
    Ok(found)
}
