//! SCE in both readings.

use crate::facts::{Fact, Verdict, deviation, deviation_from_largest, flat, numbers};
use longlab_kernels::merge::{Sce, SceReading, Tensors};

pub fn sce(fact: &Fact) -> Verdict {
    let reading = if fact.text("peer").starts_with("mergekit") { SceReading::Mergekit } else { SceReading::Authors };
    let rounded = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(|x| fact.rounded(x)).collect() };
    let base = rounded(flat(fact.input("base")));
    let models: Vec<Vec<f64>> =
        fact.input("models").as_array().expect("models").iter().map(|model| rounded(flat(model))).collect();
    let models: Vec<&[f64]> = models.iter().map(Vec::as_slice).collect();
    let tensors = Tensors::new(&base, &models).expect("tensors");
    let sce = Sce { select: fact.number("select_topk", 1.0), reading };
    let plan = sce.plan(&tensors).expect("a plan");
    let selected: Vec<f64> = plan.selected.iter().map(|&selected| f64::from(selected)).collect();
    assert_eq!(selected, flat(&fact.outputs()["select"]), "{} {}", fact.text("name"), fact.name());
    let weights = deviation(&plan.weights, &numbers(&fact.outputs()["weights"]));
    let (ours, theirs) = (sce.merge(&tensors).expect("a merge"), flat(&fact.outputs()["merged"]));
    // In f32 the error is that of base and delta, which may cancel.
    let merged = if fact.single() { deviation_from_largest(&ours, &theirs) } else { deviation(&ours, &theirs) };
    Verdict::Compared(weights.max(merged))
}
