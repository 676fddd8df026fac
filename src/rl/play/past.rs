//! What was posed before about each cluster: the history that a questioner sees, and by which documents add up.

use super::log::Line;
use crate::spec::settings::Spell;
use std::collections::{BTreeMap, VecDeque};

/// A question that was answered, with the documents it was posed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posed {
    /// Places of the documents in the cluster.
    pub documents: Vec<usize>,
    /// The question.
    pub question: String,
    /// Its reference.
    pub reference: String,
}

/// The last solvable questions of each cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    kept: BTreeMap<u64, VecDeque<Posed>>,
    most: usize,
    solvable: (f64, f64),
}

impl Past {
    /// Before the first step.
    pub fn new(spell: &Spell) -> Past {
        Past { kept: BTreeMap::new(), most: spell.memory, solvable: (spell.solved_low, spell.solved_high) }
    }

    /// Takes the questions of a step: those whose mean reward lies in `spell.solved_low..=spell.solved_high`, once each. The oldest are
    /// forgotten.
    pub fn take(&mut self, lines: &[Line]) {
        for line in lines {
            let solvable = line.mean.is_some_and(|mean| (self.solvable.0..=self.solvable.1).contains(&mean));
            let (true, Some(question), Some(reference)) = (solvable && self.most > 0, &line.question, &line.reference)
            else {
                continue;
            };
            let queue = self.kept.entry(line.cluster).or_default();
            if queue.iter().any(|posed| posed.question == *question) {
                continue;
            }
            queue.push_back(Posed {
                documents: line.documents.clone(),
                question: question.clone(),
                reference: reference.clone(),
            });
            if queue.len() > self.most {
                queue.pop_front();
            }
        }
    }

    /// What was posed about a cluster, the oldest first.
    pub fn of(&self, cluster: u64) -> impl Iterator<Item = &Posed> {
        self.kept.get(&cluster).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::{Fate, Line};
    use super::*;

    fn line(cluster: u64, question: &str, mean: Option<f64>) -> Line {
        Line { cluster, mean, ..Line::asked(question, Fate::Even) }
    }

    #[test]
    fn solvable_questions_are_kept_once_and_the_oldest_forgotten() {
        let mut past = Past::new(&Spell { memory: 2, ..Spell::default() });
        past.take(&[
            line(1, "a?", Some(0.5)),
            line(1, "b?", Some(0.0)),
            line(2, "c?", Some(1.0)),
            line(1, "a?", Some(1.0)),
        ]);
        let of = |past: &Past, cluster| past.of(cluster).map(|posed| posed.question.clone()).collect::<Vec<_>>();
        assert_eq!((of(&past, 1), of(&past, 2)), (vec!["a?".to_string()], vec!["c?".to_string()]));
        past.take(&[line(1, "d?", Some(0.1)), line(1, "e?", Some(0.9)), line(1, "f?", None)]);
        assert_eq!(of(&past, 1), ["d?", "e?"]);
        let mut none = Past::new(&Spell { memory: 0, ..Spell::default() });
        none.take(&[line(1, "a?", Some(0.5))]);
        assert_eq!(none.of(1).count(), 0);
    }
}
