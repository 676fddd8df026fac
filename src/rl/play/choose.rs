//! Which groups of a step are learned from (the paper's role-specific dynamic sampling).

use super::cast::Case;
use super::log::Fate;
use crate::rl::rollout::Group;
use crate::spec::settings::{Settings, Verdicts};
use longlab_kernels::stream::Stream;

/// Takes the groups to learn from out of the cases of a step, which are not empty.
///
/// - responses: of the first `train.prompts` open questions;
/// - questions: those of these, and `spell.bad_share` times as many of the others, drawn at random; where none is open, as many of the
///   others as a batch holds (the released code ends with an error there);
/// - votes: as many groups as make `spell.verifier_share` of the responses, drawn from those that are neither unanimous nor tied, and whose
///   majority says what the rule says.
pub(super) fn choose(settings: &Settings, stream: &mut Stream, cases: Vec<Case>) -> Vec<Group<'static>> {
    let (spell, prompts) = (&settings.spell, settings.train.prompts);
    let (asks, judges) = (spell.learn.questioner(), spell.learn.verifier());
    let open: Vec<usize> = (0..cases.len()).filter(|&n| cases[n].line.fate == Fate::Open).take(prompts).collect();
    let bad: Vec<usize> = (0..cases.len()).filter(|&n| cases[n].line.fate != Fate::Open).collect();
    let wanted = match open.len() {
        _ if !asks => 0,
        0 => prompts,
        count => (spell.bad_share * count as f64) as usize,
    };
    let bad = some(stream, &bad, wanted);
    let rows = (open.len() * settings.train.group) as f64;
    let voted: Vec<(usize, usize)> = (0..cases.len())
        .flat_map(|n| (0..cases[n].votes.len()).map(move |v| (n, v)))
        .filter(|&(n, v)| {
            let vote = &cases[n].votes[v];
            let divided = vote.agreement.is_some_and(|a| (spell.agree_low..=spell.agree_high).contains(&a));
            divided && (vote.as_the_rule || spell.verdicts == Verdicts::Any)
        })
        .collect();
    let voted = some(stream, &voted, (rows * spell.verifier_share / spell.votes.max(1) as f64) as usize);
    let mut groups = Vec::new();
    for (n, case) in cases.into_iter().enumerate() {
        let is_open = open.contains(&n);
        if judges {
            let own = case.votes.into_iter().enumerate().filter(|(v, _)| voted.contains(&(n, *v)));
            groups.extend(own.map(|(_, vote)| vote.group));
        }
        groups.extend(case.responses.filter(|_| is_open));
        // A batch is never empty: a lone question has no advantage and teaches nothing.
        let nothing = open.is_empty() && !asks && groups.is_empty();
        if nothing || (asks && (is_open || bad.contains(&n))) {
            groups.push(case.question);
        }
    }
    groups
}

/// At most so many of some things, in their order.
fn some<T: Copy>(stream: &mut Stream, things: &[T], most: usize) -> Vec<T> {
    let mut places = stream.choose_distinct(things.len(), most.min(things.len()));
    places.sort_unstable();
    places.into_iter().map(|place| things[place]).collect()
}
