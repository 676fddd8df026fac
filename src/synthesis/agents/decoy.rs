//! Wrong answers by which a verifier is tried: one that says yes to them cannot tell answers apart.

use super::cluster::{Cluster, decoy_stream};
use super::transcript::Task;
use crate::name::words;
use std::collections::BTreeSet;

/// Most draws of one.
const TRIES: usize = 64;

/// Most words of one.
const LONGEST: usize = 12;

/// A wrong answer for a round, by seed of the run, number of the round and of the answer: another number, or as many words in a row of the documents that
/// have none in common with the right answer. None where the documents have none.
pub fn decoy(cluster: &Cluster, gold: &str, (seed, round, number): (u64, usize, usize)) -> Option<String> {
    let stream = &mut decoy_stream(seed, cluster.number, round, number);
    if cluster.task == Task::Numeric {
        // Two to four times as much and one more is outside every tolerance.
        let value = gold.parse::<f64>().ok()?;
        return Some((value * (2 + stream.below(3)) as f64 + value.signum()).to_string());
    }
    let right: BTreeSet<String> = words(gold).collect();
    let length = words(gold).count().clamp(1, LONGEST);
    let texts: Vec<Vec<&str>> = cluster.parts.iter().map(|part| part.text.split_whitespace().collect()).collect();
    let long_enough: Vec<&Vec<&str>> = texts.iter().filter(|text| text.len() >= length).collect();
    (0..TRIES).filter(|_| !long_enough.is_empty()).find_map(|_| {
        let text = long_enough[stream.below(long_enough.len())];
        let start = stream.below(text.len() - length + 1);
        let run = text[start..start + length].join(" ");
        let wrong = words(&run).next().is_some() && words(&run).all(|word| !right.contains(&word));
        wrong.then_some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::part;

    fn cluster(task: Task, text: &str) -> Cluster {
        Cluster { number: 3, task, parts: vec![part("Mills", text), part("None", "Mill.")] }
    }

    #[test]
    fn wrong_answers_are_of_the_documents_and_share_no_word_with_the_right_one() {
        let mills = cluster(Task::General, "The Old Mill was built by Ada Stone in 1850.");
        let drawn: BTreeSet<String> = (0..40).filter_map(|at| decoy(&mills, "old mill", (1, 1, at))).collect();
        assert!(drawn.len() > 3 && drawn.contains("Ada Stone"), "{drawn:?}");
        assert!(drawn.iter().all(|own| words(own).count() == 2 && !own.contains("Mill") && !own.contains("Old")));
        assert_eq!(decoy(&mills, "old mill", (1, 1, 0)), decoy(&mills, "old mill", (1, 1, 0)));
        assert_eq!(decoy(&cluster(Task::General, "Old mill."), "the old mill", (1, 1, 0)), None);
    }

    #[test]
    fn wrong_numbers_are_far_from_the_right_one() {
        for gold in ["12", "-3.5", "40000"] {
            let wrong = decoy(&cluster(Task::Numeric, "x"), gold, (1, 1, 0)).unwrap();
            assert!(!super::super::answer::right(Task::Numeric, gold, &wrong), "{gold} {wrong}");
        }
    }
}
