//! The rounds of a step: questions, answers without documents, answers, votes.

use super::choose::choose;
use super::log::{Answer, Fate, GameRow, Line};
use super::past::Past;
use super::{Played, Role};
use crate::data::Sample;
use crate::rl::rollout::{Drawing, Group, roll_out, sampling};
use crate::rl::train::Trainer;
use crate::spec::settings::Spell;
use crate::synth::micro::read;
use crate::synth::micro::riddle::{self, Riddle};
use crate::task::{Graded, Status, TaskType, World};
use anyhow::{Context, Result};
use longlab_kernels::self_play::{Question, Verdict, agreement, majority, responder, verifier};
use longlab_kernels::stats;
use longlab_kernels::stream::{Address, Purpose};

/// A question with all that was drawn for it.
pub(super) struct Case {
    pub line: Line,
    pub question: Group<'static>,
    pub responses: Option<Group<'static>>,
    pub votes: Vec<Vote>,
}

/// The votes on an answer.
pub(super) struct Vote {
    pub group: Group<'static>,
    /// Share of the sound votes that are with the majority.
    pub agreement: Option<f64>,
    /// Whether the majority says what the rule says.
    pub as_the_rule: bool,
}

/// A question's place in a step, and what its questioner sees.
struct Seat<'a> {
    number: u64,
    cluster: &'a Sample,
    documents: Vec<usize>,
    before: Vec<(String, String)>,
}

impl Trainer<'_> {
    /// Plays a step: rounds until `train.prompts` questions are open, `spell.rounds` of them at most.
    ///
    /// # Errors
    /// A tokenizer that lacks what the roles say.
    pub(in crate::rl) fn play(&self, past: &Past, step: u64) -> Result<Played> {
        let (spell, prompts) = (&self.settings.spell, self.settings.train.prompts);
        let mut cases: Vec<Case> = Vec::new();
        for round in 0..spell.rounds {
            cases.extend(self.round(past, step, round)?);
            if cases.iter().filter(|case| case.line.fate == Fate::Open).count() >= prompts {
                break;
            }
        }
        let lines: Vec<Line> = cases.iter().map(|case| case.line.clone()).collect();
        let mut stream = self.address(Purpose::Play, step)?.sample(u64::MAX).stream();
        let groups = choose(self.settings, &mut stream, cases);
        let learned = Role::ALL.map(|role| groups.iter().filter(|group| group.role == role).count());
        Ok(Played { row: GameRow::of(step, &lines, learned), groups, lines })
    }

    fn address(&self, purpose: Purpose, step: u64) -> Result<Address> {
        Ok(Address::new(self.seed, purpose).step(u32::try_from(step).context("too many steps")?))
    }

    fn round(&self, past: &Past, step: u64, round: usize) -> Result<Vec<Case>> {
        let seats = self.seats(past, step, round)?;
        let mut cases = self.pose(&seats, step, round)?;
        self.ground(&mut cases, &seats, step)?;
        self.respond(&mut cases, &seats, step)?;
        self.vote(&mut cases, &seats, step)?;
        for case in &mut cases {
            settle(&self.settings.spell, case);
        }
        Ok(cases)
    }

    /// Clusters, documents and earlier questions of a round. With earlier questions, their documents are seen again beside unseen ones.
    fn seats(&self, past: &Past, step: u64, round: usize) -> Result<Vec<Seat<'_>>> {
        let spell = &self.settings.spell;
        let address = self.address(Purpose::Play, step)?;
        let clusters = self.sampler.batch((step - 1) * spell.rounds as u64 + round as u64 + 1);
        let first = (round * clusters.len()) as u64;
        let seat = |(place, n): (usize, usize)| {
            let (cluster, number) = (&self.pool[n], first + place as u64);
            let all = read::documents(&cluster.text).len();
            let posed: Vec<_> = past.of(cluster.id).collect();
            let mut documents: Vec<usize> = posed.iter().flat_map(|posed| posed.documents.iter().copied()).collect();
            let unseen: Vec<usize> = (0..all).filter(|place| !documents.contains(place)).collect();
            let mut stream = address.sample(number).stream();
            let new = stream.choose_distinct(unseen.len(), spell.documents.min(unseen.len()));
            documents.extend(new.into_iter().map(|place| unseen[place]));
            documents.sort_unstable();
            documents.dedup();
            let before = posed.iter().map(|posed| (posed.question.clone(), posed.reference.clone())).collect();
            Seat { number, cluster, documents, before }
        };
        Ok(clusters.into_iter().enumerate().map(seat).collect())
    }

    /// Draws `rows` responses to each of some prompts in a role.
    fn draw(
        &self,
        role: Role,
        purpose: Purpose,
        step: u64,
        samples: &[Sample],
        rows: usize,
    ) -> Result<Vec<Group<'static>>> {
        let rollout = &self.settings.rollout;
        let drawing = Drawing {
            sampling: sampling(self.tokenizer, rollout.temperature, rollout.top_p, rollout.max_tokens)?,
            rows,
            side_by_side: self.settings.train.prompts,
        };
        if samples.is_empty() {
            return Ok(vec![]);
        }
        let samples: Vec<&Sample> = samples.iter().collect();
        let groups = roll_out(self.model, self.tokenizer, &samples, &drawing, self.address(purpose, step)?)?;
        Ok(groups.into_iter().map(|group| Group { role, ..group.owned() }).collect())
    }

    fn said(&self, group: &Group, row: usize) -> Result<String> {
        Ok(self.tokenizer.decode(&group.rollouts[row].response.tokens, true)?)
    }

    fn pose(&self, seats: &[Seat], step: u64, round: usize) -> Result<Vec<Case>> {
        let sample = |seat: &Seat| {
            let all = read::documents(&seat.cluster.text);
            let seen: Vec<&str> = seat.documents.iter().map(|&place| all[place]).collect();
            prompt(seat.number, TaskType::Reading, &seen.join(" "), &riddle::ask(&seat.before), "")
        };
        let samples: Vec<Sample> = seats.iter().map(sample).collect();
        let groups = self.draw(Role::Questioner, Purpose::Question, step, &samples, 1)?;
        let case = |(seat, question): (&Seat, Group<'static>)| {
            let said = self.said(&question, 0)?;
            let finished = question.rollouts[0].response.finished;
            let riddle: Option<Riddle> = riddle::parse(&said).filter(|_| finished);
            let truth = riddle.as_ref().and_then(|riddle| riddle.answer(&read::facts(&seat.cluster.text)));
            let line = Line {
                step,
                round: round + 1,
                cluster: seat.cluster.id,
                documents: seat.documents.clone(),
                before: seat.before.len(),
                said,
                hops: riddle.as_ref().map_or(0, |riddle| riddle.path.len()),
                reference: riddle.as_ref().map(|riddle| riddle.reference.to_string()),
                question: riddle.map(|riddle| riddle.question),
                truth: truth.map(String::from),
                fate: Fate::Malformed,
                answers: vec![],
                mean: None,
                reward: 0.0,
            };
            let fate = if line.question.is_some() { Fate::Even } else { Fate::Malformed };
            Ok(Case { line: Line { fate, ..line }, question, responses: None, votes: vec![] })
        };
        seats.iter().zip(groups).map(case).collect()
    }

    /// The prompts of the questions that are still in the game, with their places; `text` says what the responder sees.
    fn asked(&self, cases: &[Case], seats: &[Seat], text: impl Fn(&Seat) -> String) -> (Vec<usize>, Vec<Sample>) {
        let sample = |(place, (case, seat)): (usize, (&Case, &Seat))| {
            let (question, reference) = (case.line.question.as_ref()?, case.line.reference.as_ref()?);
            let task = if case.line.hops > 1 { TaskType::MultiHop } else { TaskType::Reading };
            let alive = case.line.fate != Fate::Ungrounded;
            alive.then(|| (place, prompt(seat.number, task, &text(seat), question, reference)))
        };
        cases.iter().zip(seats).enumerate().filter_map(sample).unzip()
    }

    /// Ends questions that are answered without any document.
    fn ground(&self, cases: &mut [Case], seats: &[Seat], step: u64) -> Result<()> {
        let spell = &self.settings.spell;
        if spell.grounding == 0 {
            return Ok(());
        }
        let (places, samples) = self.asked(cases, seats, |_| String::new());
        let groups = self.draw(Role::Responder, Purpose::Grounding, step, &samples, spell.grounding)?;
        for (place, group) in places.into_iter().zip(groups) {
            let scores: Vec<f64> = group.rollouts.iter().map(|rollout| rollout.graded.score).collect();
            if stats::mean(&scores).unwrap_or(0.0) >= spell.grounding_bar {
                cases[place].line.fate = Fate::Ungrounded;
            }
        }
        Ok(())
    }

    fn respond(&self, cases: &mut [Case], seats: &[Seat], step: u64) -> Result<()> {
        let (places, samples) = self.asked(cases, seats, |seat| seat.cluster.text.clone());
        let groups = self.draw(Role::Responder, Purpose::Rollout, step, &samples, self.settings.train.group)?;
        for (place, group) in places.into_iter().zip(groups) {
            for (row, rollout) in group.rollouts.iter().enumerate() {
                let text = self.said(&group, row)?;
                let parsed = matches!(rollout.graded.status, Status::Right | Status::Wrong);
                let said = World::Micro.said(&text).filter(|_| parsed).map(String::from);
                let rule = rollout.graded.score;
                let answer = Answer { said, rule, votes: String::new(), majority: None, reward: rule };
                cases[place].line.answers.push(answer);
            }
            cases[place].responses = Some(group);
        }
        Ok(())
    }

    /// Votes on every answer; a response without one is left to the rule.
    fn vote(&self, cases: &mut [Case], seats: &[Seat], step: u64) -> Result<()> {
        let (spell, rows) = (&self.settings.spell, self.settings.train.group as u64);
        if spell.votes == 0 {
            return Ok(());
        }
        let mut places = Vec::new();
        let mut samples = Vec::new();
        for (place, (case, seat)) in cases.iter().zip(seats).enumerate() {
            let (Some(question), Some(reference)) = (&case.line.question, &case.line.reference) else { continue };
            for (row, answer) in case.line.answers.iter().enumerate() {
                let Some(said) = &answer.said else { continue };
                let asked = riddle::compare(question, said, reference);
                places.push((place, row));
                samples.push(prompt(seat.number * rows + row as u64, TaskType::Reading, "", &asked, reference));
            }
        }
        let groups = self.draw(Role::Verifier, Purpose::Verdict, step, &samples, spell.votes)?;
        for ((place, row), mut group) in places.into_iter().zip(groups) {
            let mut votes = Vec::with_capacity(spell.votes);
            for (n, rollout) in group.rollouts.iter().enumerate() {
                votes.push(riddle::vote(&self.said(&group, n)?, rollout.response.finished));
            }
            let won = majority(&votes, spell.ties.into());
            for (rollout, reward) in group.rollouts.iter_mut().zip(verifier(&votes, won)) {
                rollout.graded = paid(reward, rollout.graded);
            }
            let answer = &mut cases[place].line.answers[row];
            answer.votes = votes.iter().map(letter).collect();
            answer.majority = won;
            answer.reward = responder(spell.combine.into(), answer.rule, won);
            let as_the_rule = won.is_some_and(|won| match won {
                Verdict::Yes => answer.rule == 1.0,
                Verdict::No => answer.rule == 0.0,
                Verdict::Malformed => false,
            });
            cases[place].votes.push(Vote { group, agreement: agreement(&votes, won), as_the_rule });
        }
        Ok(())
    }
}

/// Rewards and fate of a question, once all was drawn.
fn settle(spell: &Spell, case: &mut Case) {
    let line = &mut case.line;
    let rewards: Vec<f64> = line.answers.iter().map(|answer| answer.reward).collect();
    line.mean = stats::mean(&rewards);
    if rewards.iter().any(|reward| *reward != rewards[0]) {
        line.fate = Fate::Open;
    }
    line.reward = spell.questioner().reward(match line.fate {
        Fate::Malformed => Question::Malformed,
        Fate::Ungrounded => Question::Ungrounded,
        Fate::Even | Fate::Open => Question::Answered(line.mean.unwrap_or(0.0)),
    });
    if let Some(group) = &mut case.responses {
        for (rollout, reward) in group.rollouts.iter_mut().zip(rewards) {
            rollout.graded = paid(reward, rollout.graded);
        }
    }
    for rollout in &mut case.question.rollouts {
        rollout.graded = paid(line.reward, rollout.graded);
    }
}

/// A rollout with the reward of its role; how it ended stays what the rule saw where it was cut off.
fn paid(reward: f64, graded: Graded) -> Graded {
    let status = match graded.status {
        Status::Truncated => Status::Truncated,
        _ if reward >= 0.5 => Status::Right,
        _ => Status::Wrong,
    };
    Graded { status, score: reward }
}

fn prompt(id: u64, task: TaskType, text: &str, question: &str, gold: &str) -> Sample {
    let (text, question, gold) = (text.to_string(), question.to_string(), gold.to_string());
    Sample { id, task, world: World::Micro, text, question, gold, evidence: vec![], asked: None }
}

fn letter(vote: &Verdict) -> char {
    match vote {
        Verdict::Yes => 'y',
        Verdict::No => 'n',
        Verdict::Malformed => '-',
    }
}
