//! Counts of what each stage took, kept and dropped, with reasons, beside what the paper published.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a stage did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// What it was given: files, documents, tries or items.
    pub taken: usize,
    /// What it handed on.
    pub kept: usize,
    /// What it dropped, by reason.
    pub dropped: BTreeMap<String, usize>,
    /// What is worth knowing of what it kept.
    pub remarks: BTreeMap<String, usize>,
}

impl Counts {
    /// One more taken and kept.
    pub fn keep(&mut self) {
        self.taken += 1;
        self.kept += 1;
    }

    /// One more taken and dropped.
    pub fn drop(&mut self, reason: impl Into<String>) {
        self.taken += 1;
        *self.dropped.entry(reason.into()).or_default() += 1;
    }

    /// One more of something worth knowing.
    pub fn remark(&mut self, what: impl Into<String>) {
        *self.remarks.entry(what.into()).or_default() += 1;
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Counts) {
        self.taken += other.taken;
        self.kept += other.kept;
        for (into, from) in [(&mut self.dropped, &other.dropped), (&mut self.remarks, &other.remarks)] {
            from.iter().for_each(|(what, count)| *into.entry(what.clone()).or_default() += count);
        }
    }

    /// How many were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped.values().sum()
    }
}

/// A stage with its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The stage.
    pub stage: String,
    /// What it counts: `files`, `documents`, `tries`, `items`.
    pub unit: String,
    /// Its counts.
    pub counts: Counts,
}

/// The stages in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel {
    /// The stages.
    pub steps: Vec<Step>,
}

/// What the paper published (section 3; documents, items synthesised, items kept).
pub const PUBLISHED: [(&str, &str); 3] =
    [("documents", "82,175"), ("items synthesised", "42.7K"), ("items kept", "14,174")];

impl Funnel {
    /// Adds a stage.
    pub fn add(&mut self, stage: impl Into<String>, unit: &str, counts: Counts) {
        self.steps.push(Step { stage: stage.into(), unit: unit.into(), counts });
    }

    /// The counts of a stage.
    pub fn counts(&self, stage: &str) -> Option<&Counts> {
        self.steps.iter().find(|step| step.stage == stage).map(|step| &step.counts)
    }

    /// As Markdown: what was measured, and apart from it what was published.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| stage | counts | taken | kept | dropped, by reason | remarks |\n|---|---|---|---|---|---|\n",
        );
        for Step { stage, unit, counts } in &self.steps {
            let (dropped, remarks) = (listed(&counts.dropped), listed(&counts.remarks));
            let Counts { taken, kept, .. } = counts;
            // Writing to a text does not fail.
            let _ = writeln!(text, "| {stage} | {unit} | {taken} | {kept} | {dropped} | {remarks} |");
        }
        text.push_str("\nPublished for QwenLong-L1.5, on a corpus of its own and with models: ");
        text.push_str(&PUBLISHED.map(|(what, count)| format!("{count} {what}")).join(", "));
        text.push_str(". Reasons are not published.\n");
        text
    }
}

fn listed(reasons: &BTreeMap<String, usize>) -> String {
    let mut reasons: Vec<(&String, &usize)> = reasons.iter().collect();
    reasons.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    // Reasons may quote foreign text: a bar or a line's end would break the table.
    let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
    let listed: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {}", cell(reason))).collect();
    if listed.is_empty() { "none".into() } else { listed.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let mut counts = Counts::default();
        counts.keep();
        counts.drop("too short");
        let mut sum = counts.clone();
        sum.add(&counts);
        assert_eq!((sum.taken, sum.kept, sum.dropped()), (4, 2, 2));
    }

    #[test]
    fn a_reason_cannot_break_the_table() {
        let mut counts = Counts::default();
        counts.drop("a | b\nc");
        let mut funnel = Funnel::default();
        funnel.add("corpus", "documents", counts);
        let text = funnel.markdown();
        assert!(text.contains("| corpus | documents | 1 | 0 | 1 a \\| b c | none |"), "{text}");
        assert!(text.contains("42.7K items synthesised"));
    }
}
