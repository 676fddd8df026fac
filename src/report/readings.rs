//! Claims about swept variants: which points of the axes change the conclusion.

use super::doc::{Block, Cell, Table};
use super::text::{NOTHING, ends, probability, signed};
use super::verdict::Verdict;

/// One statement under all its readings, the one without a name first where there is one.
struct Statement<'a> {
    text: &'a str,
    readings: Vec<(&'a str, &'a Verdict)>,
}

/// The statement without the name of its reading.
fn plain<'a>(text: &'a str, at: &str) -> &'a str {
    if at.is_empty() { text } else { text.strip_suffix(&format!(" [{at}]")).unwrap_or(text) }
}

fn statements(verdicts: &[Verdict]) -> Vec<Statement<'_>> {
    let mut all: Vec<Statement<'_>> = Vec::new();
    for verdict in verdicts {
        let Some(at) = &verdict.claim.at else { continue };
        let text = plain(&verdict.claim.text, at);
        match all.iter_mut().find(|one| one.text == text) {
            Some(one) => one.readings.push((at, verdict)),
            None => all.push(Statement { text, readings: vec![(at, verdict)] }),
        }
    }
    all.iter_mut().for_each(|one| one.readings.sort_by_key(|(at, _)| !at.is_empty()));
    all
}

/// A table a statement, and what it comes to in a sentence.
pub(crate) fn blocks(verdicts: &[Verdict]) -> Vec<Block> {
    let statements = statements(verdicts);
    let heading = (!statements.is_empty()).then(|| Block::Heading("Which readings flip a conclusion".into()));
    heading.into_iter().chain(statements.iter().flat_map(|one| [Block::Text(one.sentence()), one.table()])).collect()
}

impl Statement<'_> {
    fn first(&self) -> &Verdict {
        self.readings[0].1
    }

    /// The name of the first reading in prose.
    fn standard(&self) -> String {
        match self.readings[0].0 {
            "" => "the default reading".into(),
            at => format!("the reading {at}"),
        }
    }

    fn sentence(&self) -> String {
        let (apart, others): (Vec<_>, Vec<_>) =
            self.readings[1..].iter().partition(|(_, verdict)| verdict.incomparable);
        let flips: Vec<String> = others
            .iter()
            .filter(|(_, verdict)| verdict.word() != self.first().word())
            .map(|(at, verdict)| format!("{at} ({})", verdict.word()))
            .collect();
        let result = match flips.len() {
            0 if others.len() == 1 => "the other one does not change that".to_owned(),
            0 => format!("none of the {} others changes that", others.len()),
            1 => format!("of the {} others one changes that: {}", others.len(), flips[0]),
            n => format!("of the {} others {n} change that: {}", others.len(), flips.join(", ")),
        };
        let apart = match apart.iter().map(|(at, _)| *at).collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => none,
            names => format!("; nothing can be said of what is measured in another way: {names}"),
        };
        format!("{}: {} under {}; {result}{apart}.", self.text, self.first().word(), self.standard())
    }

    fn table(&self) -> Block {
        let row = |(at, verdict): &(&str, &Verdict)| {
            let decimals = if verdict.unit == "points" { 2 } else { 3 };
            let difference = verdict.paired.map_or(NOTHING.into(), |paired| Cell {
                main: format!("{} {}", signed(paired.difference, decimals), verdict.unit),
                interval: Some(ends(paired.low, paired.high, decimals)),
                ..Cell::default()
            });
            let flips = match verdict.word() == self.first().word() {
                _ if verdict.incomparable => NOTHING,
                true => "no",
                false => "yes",
            };
            vec![
                if at.is_empty() { "default".into() } else { (*at).into() },
                verdict.word().into(),
                flips.into(),
                difference,
                verdict.holm.map_or(NOTHING.into(), probability).into(),
                format!("{} against {}", verdict.claim.better, verdict.claim.worse).into(),
            ]
        };
        Block::Table(Table {
            caption: format!("{} (measured)", self.text),
            published: false,
            head: ["reading", "verdict", "flips", "difference", "p, Holm", "cells"].map(str::to_owned).into(),
            rows: self.readings.iter().map(row).collect(),
            ..Table::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::Claim;
    use super::*;
    use longlab_kernels::stats::Verdict as Ruling;
    use longlab_kernels::stats::verdict::Size;

    fn verdict(at: Option<&str>, ruling: Option<Ruling>) -> Verdict {
        let text = match at {
            Some(at) if !at.is_empty() => format!("AEPO wins [{at}]"),
            _ => "AEPO wins".to_string(),
        };
        let claim =
            Claim { text, better: "a".into(), worse: "b".into(), measure: "avg".into(), at: at.map(str::to_owned) };
        Verdict {
            claim,
            paired: None,
            holm: None,
            unit: "points",
            seeds: 5,
            published: None,
            spread: None,
            ruling,
            incomparable: false,
        }
    }

    #[test]
    fn readings_are_held_against_the_default() {
        let won = Some(Ruling::Reproduced(Size::AsPublished));
        let verdicts = [
            verdict(Some("mode=band"), won),
            verdict(Some(""), None),
            verdict(None, won),
            verdict(Some("lag=1"), None),
        ];
        let found = blocks(&verdicts);
        let words = "AEPO wins: not resolved under the default reading; of the 2 others one changes that: mode=band (reproduced).";
        assert_eq!(found[1], Block::Text(words.into()));
        let Block::Table(table) = &found[2] else { panic!("{:?}", found[2]) };
        let cells: Vec<(&str, &str)> = table.rows.iter().map(|row| (&*row[0].main, &*row[2].main)).collect();
        assert_eq!(cells, [("default", "no"), ("mode=band", "yes"), ("lag=1", "no")]);
    }

    #[test]
    fn what_cannot_be_compared_flips_nothing() {
        let won = Some(Ruling::Reproduced(Size::AsPublished));
        let apart = Verdict { incomparable: true, ..verdict(Some("temperature=one"), None) };
        let found = blocks(&[verdict(Some(""), won), apart, verdict(Some("lag=1"), won)]);
        let words = "AEPO wins: reproduced under the default reading; the other one does not change that; nothing can be said of what is measured in \
                     another way: temperature=one.";
        assert_eq!(found[1], Block::Text(words.into()));
        let Block::Table(table) = &found[2] else { panic!("{:?}", found[2]) };
        let flips: Vec<&str> = table.rows.iter().map(|row| &*row[2].main).collect();
        assert_eq!(flips, ["no", NOTHING, "no"]);
    }

    #[test]
    fn without_readings_there_is_nothing_to_say() {
        assert_eq!(blocks(&[verdict(None, None)]), []);
    }
}
