//! SCE in both readings; linear, task arithmetic, TIES and DARE.

use crate::facts::{Fact, Verdict, deviation, deviation_from_largest, flat, numbers};
use longlab_kernels::merge::{Sce, SceReading, Task, Tensors, Trim, linear};
use longlab_kernels::stream::{Address, Purpose};

pub const FACTORS: &str =
    "mergekit keeps the sum of |delta|, ours its expectation: the weights hold mergekit's factors";

pub fn sce(fact: &Fact) -> Verdict {
    let reading = if fact.text("peer").starts_with("mergekit") { SceReading::Mergekit } else { SceReading::Authors };
    let (base, models) = tensors(fact);
    let models: Vec<&[f64]> = models.iter().map(Vec::as_slice).collect();
    let tensors = Tensors::new(&base, &models).expect("tensors");
    let sce = Sce { select: fact.number("select_topk", 1.0), reading };
    let plan = sce.plan(&tensors).expect("a plan");
    let selected: Vec<f64> = plan.selected.iter().map(|&selected| f64::from(selected)).collect();
    assert_eq!(selected, flat(&fact.outputs()["select"]), "{} {}", fact.text("name"), fact.name());
    let weights = deviation(&plan.weights, &numbers(&fact.outputs()["weights"]));
    let (ours, theirs) = (sce.merge(&tensors).expect("a merge"), flat(&fact.outputs()["merged"]));
    Verdict::Compared(weights.max(apart(fact, &ours, &theirs)))
}

/// The base and the models as the peer read them.
fn tensors(fact: &Fact) -> (Vec<f64>, Vec<Vec<f64>>) {
    let rounded = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(|x| fact.rounded(x)).collect() };
    let models = fact.input("models").as_array().expect("models");
    (rounded(flat(fact.input("base"))), models.iter().map(|model| rounded(flat(model))).collect())
}

/// In f32 the error is that of base and delta, which may cancel.
fn apart(fact: &Fact, ours: &[f64], theirs: &[f64]) -> f64 {
    if fact.single() { deviation_from_largest(ours, theirs) } else { deviation(ours, theirs) }
}

pub fn task(fact: &Fact) -> Verdict {
    let (base, models) = tensors(fact);
    let models: Vec<&[f64]> = models.iter().map(Vec::as_slice).collect();
    let (mut weights, theirs) = (numbers(fact.parameter("weight")), flat(&fact.outputs()["merged"]));
    if fact.text("function") == "linear" {
        return Verdict::Compared(apart(fact, &linear(&models, &weights).expect("a mean"), &theirs));
    }
    let (density, rescale) = (fact.number("density", 1.0), fact.flag("rescale", false));
    // The address the script drew from.
    let address = Address::new(5, Purpose::Test);
    let (recipe, normalize) = match fact.text("function") {
        "task_arithmetic" => (Task::arithmetic(), false),
        "ties" => (Task::ties(density), true),
        "dare_linear" => (Task::dare(density, address), false),
        "dare_ties" => (Task::dare_ties(density, address), false),
        other => panic!("unknown recipe {other}"),
    };
    // Ours divides by the density, mergekit by nothing, or so that the sum of sizes stays.
    let own = if let Trim::Random(..) = recipe.trim { density } else { 1.0 };
    let scale = fact.number("lambda", 1.0) * own;
    let recipe = Task { normalize: fact.flag("normalize", normalize), scale, ..recipe };
    if rescale {
        let factors = numbers(&fact.outputs()["factors"]);
        weights.iter_mut().zip(factors).for_each(|(weight, factor)| *weight *= factor);
    }
    let tensors = Tensors::new(&base, &models).expect("tensors");
    let apart = apart(fact, &recipe.merge(&tensors, &weights).expect("a merge"), &theirs);
    if rescale { Verdict::Partly(apart, FACTORS) } else { Verdict::Compared(apart) }
}
