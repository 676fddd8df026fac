//! Questions over tables that a model wrote, and its queries, run again without it.

use super::fault::{Fault, Faults};
use super::proof::Sql;
use crate::error::Result;
use crate::item::Work;
use crate::table::family::{Family, fits};
use crate::table::written::{Posed, QUERY, QUESTION, Written};
use longlab_documents::Hash;

impl Sql<'_> {
    /// The replies must be those of the calls, the question that of its reply, and enough queries must give the answer.
    pub(super) fn check_written(&self, written: &Written, faults: &mut Faults) -> Result<()> {
        let known = Family::named(&written.template).is_some_and(|family| self.is_after(family));
        faults.demand(known && self.parameters.is_empty(), Fault::UnknownRule, || {
            format!("not after the manner of the template {}", written.template)
        });
        self.check_calls(written, faults);
        let questions = written.questions(self.columns)?;
        faults.demand(questions.contains(&self.item.question), Fault::QuestionAltered, || self.item.question.clone());
        for (at, said) in written.queries.iter().enumerate() {
            let computed = Posed::run(said.reply.clone(), self.columns, self.rows, self.shape);
            let outcome = |posed: &Posed| format!("{:?} {:?}", posed.answer, posed.refused);
            faults.demand(computed == *said, Fault::AnswerDiffers, || {
                format!("query {at}: {} said, {} computed", outcome(said), outcome(&computed))
            });
        }
        match written.agreed() {
            Some((answer, query)) => {
                faults.demand(query == self.query, Fault::QueryAltered, || self.query.into());
                let right = self.item.answer.text == answer;
                faults.demand(right, Fault::AnswerDiffers, || format!("{answer:?} is what the queries give"));
            }
            None => faults.demand(false, Fault::QueriesDisagree, || {
                let Written { queries, agree, .. } = written;
                format!("{} of {}, {agree} must agree", written.agreeing(&self.item.answer.text), queries.len())
            }),
        }
        Ok(())
    }

    /// Whether columns, level and shape are those of a template.
    fn is_after(&self, family: &Family) -> bool {
        let fit = family.columns.chars().zip(self.columns).all(|(letter, column)| fits(letter, column));
        let same = family.level == self.level && family.shape == self.shape;
        fit && same && family.columns.len() == self.columns.len()
    }

    /// Each reply is what came out of its call, in order.
    fn check_calls(&self, written: &Written, faults: &mut Faults) {
        let work = &self.item.certificate.work;
        let own = |work: &&Work| [QUESTION, QUERY].contains(&work.step.as_str());
        let calls = work.iter().filter(own).map(|work| (work.step.as_str(), work.output.clone(), work.model.is_some()));
        let replies = written.queries.iter().map(|posed| (QUERY, Hash::of(&posed.reply), true));
        let replies = std::iter::once((QUESTION, Hash::of(&written.reply), true)).chain(replies);
        faults.demand(calls.eq(replies), Fault::LineageBroken, || "replies are not those of the calls".into());
    }
}
