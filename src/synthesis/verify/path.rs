//! What a proof of the kind [`Proof::Path`] says, computed again.

use crate::item::{Evidence, Proof};
use crate::name::Said;
use crate::operation::{Operation, Step};

/// Whether there is such an operation.
pub fn knows(operation: &str) -> bool {
    operation.parse::<Operation>().is_ok()
}

/// Whether a quote states the fact of a step: it names where the step leads to.
pub fn states(quote: &str, step: &Step) -> bool {
    Said::of(quote).says(&step.2)
}

/// The answer of a path; none where there is none.
pub fn answer(proof: &Proof, _evidence: &[Evidence]) -> Option<String> {
    let Proof::Path { steps, operation } = proof else { return None };
    operation.parse::<Operation>().ok()?.of(steps)
}

/// The answer without one of the evidence.
pub fn without(proof: &Proof, _evidence: &[Evidence], missing: usize) -> Option<String> {
    let Proof::Path { steps, operation } = proof else { return None };
    operation.parse::<Operation>().ok()?.without(steps, missing)
}
