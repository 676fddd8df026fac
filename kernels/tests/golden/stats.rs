//! Statistics of the peers, line by line.

use crate::facts::{Fact, Verdict, deviation, flat, ledger, numbers, rows};
use longlab_kernels::stats::{
    Aggregate, Answers, Components, Correction, Demand, Design, Interval, Method, Permutation, Resampling, Runs, bca,
    clustered_difference, clustered_interval, clustered_standard_error, decompose, detectable, improvement_interval,
    mcnemar, normal_cdf, normal_quantile, probability_of_improvement, quantile, sample_std, seeds_needed, sign_flip,
    spearman, standard_error, stratified_interval, stratified_resamples, two_sample_permutation, two_sided_power,
};
use serde_json::Value;

const SCIPY: &str = "scipy 1.14.1";
const RLIABLE: &str = "rliable 1.2.0";
const STATSMODELS: &str = "statsmodels 0.15.0";
const INSPECT: &str = "inspect_ai 0.3.285";
const FORMULA: &str = "formula";

#[test]
fn statistics_are_those_of_scipy_rliable_statsmodels_and_inspect() {
    let facts = Fact::all(include_str!("stats.jsonl"));
    let counts = ledger(&facts, tolerance, judge);
    let compared = [
        (FORMULA, "clustered.miller", 5),
        (FORMULA, "components", 4),
        (FORMULA, "mcnemar.mid_p", 10),
        (FORMULA, "paired.miller", 2),
        (INSPECT, "clustered", 5),
        (INSPECT, "stderr", 5),
        (RLIABLE, "aggregate", 6),
        (RLIABLE, "improvement_interval", 1),
        (RLIABLE, "iqm_interval", 2),
        (RLIABLE, "probability_of_improvement", 9),
        (SCIPY, "bootstrap", 8),
        (SCIPY, "norm.cdf", 1),
        (SCIPY, "norm.ppf", 1),
        (SCIPY, "permutation_test.independent", 5),
        (SCIPY, "permutation_test.samples", 5),
        (SCIPY, "spearmanr", 6),
        (STATSMODELS, "mcnemar", 10),
        (STATSMODELS, "ttest_count", 3),
        (STATSMODELS, "ttest_effect", 3),
        (STATSMODELS, "ttest_power", 48),
    ];
    counts.are(facts.len(), &compared, &[]);
}

/// 1e-12, but for what a peer finds by search, and for random resamples.
fn tolerance(fact: &Fact) -> f64 {
    match fact.text("function") {
        // The peer's noncentral t is rounded to 1 above some 1 - 1e-5, and its search stops within 1e-6 of the root: at n = 10 it
        // says 0.996001926, where integration over the chi distribution gives 0.996001371. `powers_by_integration` holds ours.
        "ttest_power" | "ttest_effect" => 1e-5,
        // scipy 1.14.1 has 12.706204736432095 as the 97.5% quantile at one degree of freedom; tan(0.475 pi) is 12.706204736174696.
        "clustered" | "paired.miller" => 1e-10,
        "iqm_interval" | "improvement_interval" => within(fact),
        _ => 1e-12,
    }
}

/// In standard deviations of the resamples. The 2.5% quantile of B normal draws has the standard error
/// sqrt(0.025 x 0.975 / B) / phi(1.96) = 2.67 / sqrt(B); BCa moves its quantiles by 2 z0, whose error is 1.25 / sqrt(B), and
/// both add up to 3.7 / sqrt(B). Five of these, with the peer's B and ours.
fn within(fact: &Fact) -> f64 {
    let theirs = fact.number("reps", f64::NAN);
    5.0 * 3.7 * (1.0 / theirs + 1.0 / f64::from(REPS)).sqrt()
}

const REPS: u32 = 10_000;

fn judge(fact: &Fact) -> Verdict {
    Verdict::Compared(match fact.text("function") {
        "norm.cdf" => each(fact, "z", "p", normal_cdf),
        "norm.ppf" => each(fact, "p", "z", normal_quantile),
        "aggregate" => aggregate(fact),
        "probability_of_improvement" => {
            let (x, y) = (runs(fact.input("x")), runs(fact.input("y")));
            deviation(&[probability_of_improvement(&x, &y).expect("the same tasks")], &[output(fact, "p")])
        }
        "spearmanr" => {
            let rho = spearman(&input(fact, "x"), &input(fact, "y")).expect("defined");
            deviation(&[rho], &[output(fact, "rho")])
        }
        "bootstrap" => bootstrap(fact),
        "iqm_interval" => iqm_interval(fact),
        "improvement_interval" => improvement(fact),
        "permutation_test.samples" => permutation(fact, sign_flip(&input(fact, "differences"), 0, 1).expect("few")),
        "permutation_test.independent" => {
            permutation(fact, two_sample_permutation(&input(fact, "a"), &input(fact, "b"), 0, 1).expect("few"))
        }
        "mcnemar" => {
            deviation(&[mcnemar(count(fact, "first_only"), count(fact, "second_only")).exact], &[output(fact, "exact")])
        }
        "mcnemar.mid_p" => {
            deviation(&[mcnemar(count(fact, "first_only"), count(fact, "second_only")).mid_p], &[output(fact, "mid_p")])
        }
        "clustered" | "clustered.miller" | "stderr" | "paired.miller" => errors(fact),
        "components" => components(fact),
        _ => powers(fact),
    })
}

fn input(fact: &Fact, key: &str) -> Vec<f64> {
    numbers(fact.input(key))
}

fn count(fact: &Fact, key: &str) -> u64 {
    fact.input(key).as_u64().expect("a count")
}

fn output(fact: &Fact, key: &str) -> f64 {
    fact.outputs()[key].as_f64().expect("a number")
}

fn runs(value: &Value) -> Runs {
    Runs::new(rows(value)).expect("a full table")
}

/// Each number by itself: small ones are not excused by large ones beside them.
fn each(fact: &Fact, from: &str, to: &str, ours: impl Fn(f64) -> f64) -> f64 {
    let theirs = numbers(&fact.outputs()[to]);
    let pairs = input(fact, from).into_iter().zip(theirs);
    pairs.map(|(x, y)| deviation(&[ours(x)], &[y])).fold(0.0, f64::max)
}

fn aggregate(fact: &Fact) -> f64 {
    let runs = runs(fact.input("scores"));
    let gap = Aggregate::OptimalityGap { at: fact.number("gamma", f64::NAN) };
    let all = [Aggregate::Mean, Aggregate::Median, Aggregate::Iqm, gap].map(|aggregate| runs.aggregate(aggregate));
    deviation(&all, &["mean", "median", "iqm", "optimality_gap"].map(|key| output(fact, key)))
}

/// scipy's intervals from given resamples, z0, and the acceleration where scipy shows it.
fn bootstrap(fact: &Fact) -> f64 {
    let point = fact.input("point").as_f64().expect("a number");
    let own = runs(fact.input("scores")).aggregate(match fact.text_of("statistic") {
        "mean" => Aggregate::Mean,
        _ => Aggregate::Iqm,
    });
    let got = bca(point, &input(fact, "resamples"), &rows(fact.input("jackknife"))).expect("resamples on both sides");
    let ends = numbers(&fact.outputs()["bca"]);
    let quantile = |q| quantile(&input(fact, "resamples"), q).expect("resamples");
    let (mut ours, mut theirs) = (vec![own, got.z0, got.low, got.high], vec![point, output(fact, "z0")]);
    ours.extend([quantile(0.025), quantile(0.975)]);
    theirs.extend(ends);
    theirs.extend(numbers(&fact.outputs()["percentile"]));
    if let Some(acceleration) = fact.outputs()["acceleration"].as_f64() {
        ours.push(got.acceleration);
        theirs.push(acceleration);
    }
    deviation(&ours, &theirs)
}

/// Distance of the ends in standard deviations of the resamples.
fn ends(fact: &Fact, low: f64, high: f64, resamples: &[f64]) -> f64 {
    let theirs = numbers(&fact.outputs()["interval"]);
    let deviation = sample_std(resamples).expect("resamples");
    ((low - theirs[0]).abs()).max((high - theirs[1]).abs()) / deviation
}

/// rliable's acceleration leaves out a whole run (a row) at a time; with the same jackknife the intervals meet.
fn iqm_interval(fact: &Fact) -> f64 {
    let table = rows(fact.input("scores"));
    let all = runs(fact.input("scores"));
    let resamples = stratified_resamples(&all, Aggregate::Iqm, REPS, 11).expect("resamples");
    if fact.text_of("method") == "percentile" {
        let how = Resampling { method: Method::Percentile, reps: REPS, seed: 11 };
        let Interval { low, high, .. } = stratified_interval(&all, Aggregate::Iqm, how).expect("resamples");
        return ends(fact, low, high, &resamples);
    }
    let without = |run: usize| {
        let mut rest = table.clone();
        rest.remove(run);
        Runs::new(rest).expect("a full table").aggregate(Aggregate::Iqm)
    };
    let jackknife = (0..table.len()).map(without).collect();
    let got = bca(all.aggregate(Aggregate::Iqm), &resamples, &[jackknife]).expect("resamples on both sides");
    ends(fact, got.low, got.high, &resamples)
}

fn improvement(fact: &Fact) -> f64 {
    let (x, y) = (runs(fact.input("x")), runs(fact.input("y")));
    let how = Resampling { method: Method::Percentile, reps: REPS, seed: 11 };
    let Interval { low, high, .. } = improvement_interval(&x, &y, how).expect("the same tasks");
    // The width of a normal 95% interval is 3.92 standard deviations.
    let deviation = (high - low) / 3.92;
    let theirs = numbers(&fact.outputs()["interval"]);
    (low - theirs[0]).abs().max((high - theirs[1]).abs()) / deviation
}

fn permutation(fact: &Fact, got: Permutation) -> f64 {
    assert!(got.exact, "all arrangements of so few values");
    deviation(&[got.p, got.greater, got.less], &["two-sided", "greater", "less"].map(|key| output(fact, key)))
}

fn errors(fact: &Fact) -> f64 {
    let whole = || input(fact, "clusters").into_iter().map(|name| name as usize).collect::<Vec<_>>();
    let clustered = |correction| {
        clustered_standard_error(&input(fact, "values"), &whole(), correction).expect("two clusters or more")
    };
    let interval = || numbers(&fact.outputs()["interval"]);
    let (ours, theirs) = match fact.text("function") {
        "stderr" => (vec![standard_error(&input(fact, "values")).expect("two values")], vec![]),
        "clustered.miller" => (vec![clustered(Correction::None)], vec![]),
        "clustered" => {
            let got = clustered_interval(&input(fact, "values"), &whole()).expect("two clusters or more");
            (vec![clustered(Correction::Finite), got.low, got.high], interval())
        }
        _ => {
            let (a, b) = (input(fact, "a"), input(fact, "b"));
            let lone: Vec<usize> = (0..a.len()).collect();
            let got = clustered_difference(&a, &b, &lone).expect("two items or more");
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            let error = standard_error(&differences).expect("two items or more");
            (vec![error, got.low, got.high, got.p], interval().into_iter().chain([output(fact, "p")]).collect())
        }
    };
    let all: Vec<f64> = [output(fact, "stderr")].into_iter().chain(theirs).collect();
    deviation(&ours, &all)
}

fn components(fact: &Fact) -> f64 {
    let scores = fact.input("scores").as_array().expect("seeds").iter().map(rows).collect();
    let got = decompose(&Answers::new(scores).expect("a full table")).expect("two seeds and items or more");
    let Components { seed, item, interaction, sampling } = got.components;
    let ours = [got.mean, seed, item, interaction, sampling.unwrap_or(0.0)];
    let theirs = ["mean", "seed", "item", "interaction", "sampling"].map(|key| flat(&fact.outputs()[key])[0]);
    deviation(&ours, &theirs)
}

/// statsmodels' one-sample t test of n differences of standard deviation 1: here n seeds, and nothing else varies.
fn powers(fact: &Fact) -> f64 {
    let number = |key: &str| fact.input(key).as_f64().expect("a number");
    let seeds = Components { seed: 1.0, item: 0.0, interaction: 0.0, sampling: Some(0.0) };
    match fact.text("function") {
        "ttest_power" => {
            let n = number("n");
            let got = two_sided_power(number("effect") * n.sqrt(), n - 1.0, number("alpha")).expect("in range");
            (got - output(fact, "power")).abs()
        }
        "ttest_effect" => {
            let n = number("n");
            let design = Design { seeds: n as usize, items: 5, answers: 1 };
            let (error, freedom) = design.standard_error(&seeds).expect("in range");
            deviation(&[detectable(error, freedom, Demand::default()).expect("in range")], &[output(fact, "effect")])
        }
        "ttest_count" => {
            let got = seeds_needed(number("effect"), &seeds, 5, 1, Demand::default()).expect("in range");
            deviation(&[got.expect("reachable") as f64], &[output(fact, "n")])
        }
        other => panic!("unknown function {other}"),
    }
}
