//! Variants x axes: which cells there are, in which order, under which names, and why others are not.

use super::{mistake, read};
use longlab::spec::identity::Machine;
use longlab::spec::{AepoMode, Experiment, MAX_JOBS, parse};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

const HEAD: &str = "[experiment]\nname = \"demo\"\nseeds = [0, 1]\n\n";
const TWO: &str = "[[variant]]\nname = \"GRPO\"\n[[variant]]\nname = \"AEPO\"\n\"aepo.mode\" = \"latch\"\n";
const LAG: &str =
    "[[axis]]\nname = \"lag\"\nkey = \"aepo.lag\"\nvalues = [0, 1]\nwhen = { \"aepo.mode\" = [\"latch\", \"band\"] }\n";
const RATE: &str =
    "[[axis]]\nname = \"rate\"\nkey = \"train.rate\"\nvalues = [1e-4, 3e-4]\nlabels = [\"low\", \"high\"]\n";

fn names(experiment: &Experiment) -> Vec<&str> {
    experiment.variants.iter().map(|variant| variant.name.as_str()).collect()
}

fn grid(rest: &str) -> Experiment {
    read(&format!("{HEAD}{TWO}{rest}"))
}

#[test]
fn cells_are_variants_times_axes_the_last_axis_fastest() {
    let experiment = grid(&format!("{LAG}{RATE}"));
    let expected = [
        "GRPO, rate=low",
        "GRPO, rate=high",
        "AEPO, lag=0, rate=low",
        "AEPO, lag=0, rate=high",
        "AEPO, lag=1, rate=low",
        "AEPO, lag=1, rate=high",
    ];
    assert_eq!(names(&experiment), expected);
    let last = &experiment.variants[5].settings;
    assert_eq!((last.aepo.mode, last.aepo.lag, last.train.rate), (AepoMode::Latch, 1, 3e-4));
    let cell = &experiment.grid.cells[3];
    assert_eq!(
        (cell.variant.as_str(), cell.at.clone()),
        ("AEPO", vec![Some("0".to_string()), Some("high".to_string())])
    );
    let machine = Machine { libtorch: "1".to_string(), cpu: "x".to_string() };
    let mut plain = experiment.clone();
    plain.variants.iter_mut().for_each(|variant| variant.settings.warm.from = "scratch".to_string());
    plain.kind = longlab::spec::Kind::Base;
    assert_eq!(plain.jobs_in(Path::new(""), &machine).unwrap().len(), 12);
}

/// Where an axis does not apply there is one cell, not one a value, and the plan can say why.
#[test]
fn a_conditional_axis_collapses_with_its_reason() {
    let experiment = grid(&format!("{RATE}{LAG}"));
    let collapsed = &experiment.grid.collapsed;
    assert_eq!(collapsed.len(), 1);
    let one = &collapsed[0];
    assert_eq!((one.variant.as_str(), one.axis.as_str(), one.values, one.cells), ("GRPO", "lag", 2, 2));
    assert_eq!(one.reason, "`aepo.mode` is \"off\", not \"latch\" or \"band\"");
    assert_eq!(experiment.grid.cells[0].at, [Some("low".to_string()), None]);
    let by_name = grid(&LAG.replace("when = { \"aepo.mode\" = [\"latch\", \"band\"] }", "variant = \"AEPO\""));
    assert_eq!(names(&by_name), ["GRPO", "AEPO, lag=0", "AEPO, lag=1"]);
    assert_eq!(by_name.grid.collapsed[0].reason, "it is for `AEPO`");
}

/// An axis may switch on what a later axis looks at.
#[test]
fn a_condition_sees_the_axes_before_it() {
    let mode = "[[axis]]\nname = \"mode\"\nkey = \"aepo.mode\"\nvalues = [\"off\", \"latch\"]\n";
    let experiment = read(&format!("{HEAD}[[variant]]\nname = \"A\"\n{mode}{LAG}"));
    assert_eq!(names(&experiment), ["A, mode=off", "A, mode=latch, lag=0", "A, mode=latch, lag=1"]);
}

#[test]
fn zipped_keys_move_together() {
    let bounds = "[[axis]]\nname = \"bounds\"\nkeys = [\"aepo.low\", \"aepo.high\"]\nvalues = [[\"1.1x\", \"2x\"], [0.1, 0.2]]\nvariant = \"AEPO\"\n";
    let experiment = grid(bounds);
    assert_eq!(names(&experiment), ["GRPO", "AEPO, bounds=1.1x+2x", "AEPO, bounds=0.1+0.2"]);
    assert_eq!(experiment.variants[2].settings.aepo.high, longlab::spec::Bound::Nats(0.2));
    assert_eq!(experiment.grid.axes[0].keys, ["aepo.low", "aepo.high"]);
}

#[test]
fn excluded_cells_are_named_with_the_reason_and_its_place() {
    let rule =
        "[[exclude]]\nvariant = \"AEPO\"\naxis = { lag = 1, rate = \"high\" }\nreason = \"it is known to diverge\"\n";
    let experiment = grid(&format!("{LAG}{RATE}{rule}"));
    assert_eq!(experiment.variants.len(), 5);
    let out = &experiment.grid.excluded;
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].cell, "AEPO, lag=1, rate=high");
    assert_eq!(out[0].reason, "it is known to diverge (demo.toml:20)");
}

/// An axis that does not apply to a cell never takes it out.
#[test]
fn rules_and_axes_that_do_not_apply() {
    let exclude = "[[exclude]]\naxis = { lag = 1 }\nreason = \"r\"\n";
    assert_eq!(names(&grid(&format!("{LAG}{exclude}"))), ["GRPO", "AEPO, lag=0"]);
    let include = "[[include]]\naxis = { lag = 1 }\nreason = \"r\"\n";
    let experiment = grid(&format!("{LAG}{include}"));
    assert_eq!(names(&experiment), ["GRPO", "AEPO, lag=1"]);
    assert_eq!(experiment.grid.excluded[0].reason, "no [[include]] is about it (demo.toml:15)");
}

/// Every reading alone instead of all of them together: the default, and what differs from it on one axis.
#[test]
fn includes_make_a_star() {
    let rules = "[[include]]\naxis = { lag = 0 }\nreason = \"the rates\"\n[[include]]\naxis = { rate = \"low\" }\nreason = \"the lags\"\n";
    let experiment = grid(&format!("{LAG}{RATE}{rules}"));
    let expected = [
        "GRPO, rate=low",
        "GRPO, rate=high",
        "AEPO, lag=0, rate=low",
        "AEPO, lag=0, rate=high",
        "AEPO, lag=1, rate=low",
    ];
    assert_eq!(names(&experiment), expected);
}

/// An empty label keeps the default reading out of the names, so that a star reads as a list of differences.
#[test]
fn points_without_a_name() {
    let axes = format!("{}{}", LAG.replace("when", "labels = [\"\", \"one\"]\nwhen"), RATE.replace("\"low\"", "\"\""));
    let claim = "[[claim]]\ntext = \"t\"\nbetter = \"AEPO\"\nworse = \"GRPO\"\nmeasure = \"avg\"\n";
    let experiment = grid(&format!("{axes}{claim}[[exclude]]\naxis = {{ lag = 0, rate = 3e-4 }}\nreason = \"r\"\n"));
    assert_eq!(names(&experiment), ["GRPO", "GRPO, rate=high", "AEPO", "AEPO, lag=one", "AEPO, lag=one, rate=high"]);
    assert_eq!(experiment.grid.cells[2].at, [Some("0".to_string()), Some("1e-4".to_string())]);
    let texts: Vec<_> = experiment.claims.iter().map(|claim| claim.text.as_str()).collect();
    assert_eq!(texts, ["t", "t [lag=one]", "t [lag=one, rate=high]"]);
}

#[test]
fn overrides_change_some_cells() {
    let rule = "[[override]]\naxis = { rate = \"high\" }\nset = { \"train.clip_norm\" = 0.5 }\n[[override]]\nwhen = { \"train.clip_norm\" = 0.5 }\nvariant = \"AEPO\"\nset.train.group = 4\n";
    let experiment = grid(&format!("{RATE}{rule}"));
    let seen: Vec<(f64, usize)> =
        experiment.variants.iter().map(|v| (v.settings.train.clip_norm, v.settings.train.group)).collect();
    assert_eq!(seen, [(1.0, 8), (0.5, 8), (1.0, 8), (0.5, 4)]);
}

/// A claim about swept variants is judged at each point that they share, so that a reading which flips it is seen.
#[test]
fn claims_are_made_at_each_point() {
    let claim = "[[claim]]\ntext = \"AEPO is better\"\nbetter = \"AEPO\"\nworse = \"GRPO\"\nmeasure = \"avg\"\n";
    let experiment = grid(&format!("{LAG}{RATE}{claim}"));
    let claims: Vec<_> = experiment.claims.iter().map(|claim| (claim.better.as_str(), claim.worse.as_str())).collect();
    let expected = [
        ("AEPO, lag=0, rate=low", "GRPO, rate=low"),
        ("AEPO, lag=0, rate=high", "GRPO, rate=high"),
        ("AEPO, lag=1, rate=low", "GRPO, rate=low"),
        ("AEPO, lag=1, rate=high", "GRPO, rate=high"),
    ];
    assert_eq!(claims, expected);
    assert_eq!(experiment.claims[2].text, "AEPO is better [lag=1, rate=low]");
    let one = claim.replace("\"AEPO\"", "\"AEPO, lag=1\"").replace("\"GRPO\"", "\"AEPO, lag=0\"");
    let experiment = grid(&format!("{LAG}{one}"));
    assert_eq!((experiment.claims.len(), experiment.claims[0].text.as_str()), (1, "AEPO is better"));
}

/// The rows of the published table belong to the variant where it names one.
#[test]
fn cells_keep_the_published_row_of_their_variant() {
    let experiment = grid(&format!("{LAG}[[variant]]\nname = \"B\"\npaper = \"row\"\n\"aepo.mode\" = \"latch\"\n"));
    let rows: Vec<_> = experiment.variants.iter().map(|variant| variant.paper_row.as_str()).collect();
    assert_eq!(rows, ["GRPO", "AEPO, lag=0", "AEPO, lag=1", "row", "row"]);
}

#[test]
fn axes_over_the_seed_of_the_data_are_cells_and_never_averaged() {
    let experiment = grid("[[axis]]\nname = \"pool\"\nkey = \"data.seed\"\nvalues = [1, 2]\n");
    assert_eq!(names(&experiment), ["GRPO, pool=1", "GRPO, pool=2", "AEPO, pool=1", "AEPO, pool=2"]);
    assert_eq!(experiment.seeds, [0, 1]);
}

#[test]
fn ten_thousand_jobs_are_expanded() {
    let values: Vec<String> = (1..=1000).map(|value| value.to_string()).collect();
    let axis = format!("[[axis]]\nname = \"n\"\nkey = \"train.steps\"\nvalues = [{}]\n", values.join(", "));
    let text =
        format!("{}{TWO}{axis}", HEAD.replace("[0, 1]", "[0, 1, 2, 3, 4]").replace("seeds", "kind = \"base\"\nseeds"));
    let text = text.replace("train.steps", "warm.steps");
    let experiment = read(&text);
    let machine = Machine { libtorch: "1".to_string(), cpu: "x".to_string() };
    let jobs = experiment.jobs_in(Path::new(""), &machine).unwrap();
    assert_eq!((jobs.len(), experiment.variants.len()), (10_000, 2_000));
    let ids: std::collections::BTreeSet<_> = jobs.iter().map(|job| &job.id).collect();
    assert_eq!(ids.len(), 5_000, "what tells the two variants apart does not act in a warm start");
}

/// How a small grid is written: two plain axes and one that only AEPO has, and an exclude on some of their points.
#[derive(Clone, Debug)]
struct Drawn {
    rates: usize,
    groups: usize,
    lags: bool,
    excluded: BTreeSet<(usize, usize)>,
}

impl Drawn {
    fn text(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        let rates = list((1..=self.rates).map(|rate| format!("{rate}e-4")).collect());
        let groups = list((1..=self.groups).map(|group| (group * 2).to_string()).collect());
        let mut text = format!("{HEAD}{TWO}");
        text += &format!("[[axis]]\nname = \"rate\"\nkey = \"train.rate\"\nvalues = [{rates}]\n");
        text += if self.lags { LAG } else { "" };
        text += &format!("[[axis]]\nname = \"group\"\nkey = \"train.group\"\nvalues = [{groups}]\n");
        for (rate, group) in &self.excluded {
            let axis = format!("rate = {}e-4, group = {}", rate + 1, (group + 1) * 2);
            text += &format!("[[exclude]]\naxis = {{ {axis} }}\nreason = \"drawn\"\n");
        }
        text
    }

    /// Cells of GRPO and AEPO at one point of the two plain axes.
    fn at_point(&self) -> usize {
        if self.lags { 3 } else { 2 }
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (1..6_usize, 1..6_usize, any::<bool>()).prop_flat_map(|(rates, groups, lags)| {
        let most = rates * groups;
        prop::collection::btree_set((0..rates, 0..groups), 0..most).prop_map(move |excluded| Drawn {
            rates,
            groups,
            lags,
            excluded,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cells are the product without what is excluded; each has a name of its own; their order is that of the file; and the resolved text
    /// reads back as the same cells.
    #[test]
    fn cells_are_the_product_without_the_exclusions(drawn in drawn()) {
        let text = drawn.text();
        let experiment = read(&text);
        let product = drawn.rates * drawn.groups * drawn.at_point();
        let out = drawn.excluded.len() * drawn.at_point();
        prop_assert_eq!(experiment.variants.len(), product - out);
        prop_assert_eq!(experiment.grid.excluded.len(), out);
        let names: BTreeSet<&str> = experiment.variants.iter().map(|variant| variant.name.as_str()).collect();
        prop_assert_eq!(names.len(), experiment.variants.len());
        let all = Drawn { excluded: BTreeSet::new(), ..drawn.clone() };
        let all = read(&all.text());
        let left: Vec<_> = all.variants.iter().filter(|variant| names.contains(variant.name.as_str())).collect();
        prop_assert_eq!(left, experiment.variants.iter().collect::<Vec<_>>());
        let again = parse(&experiment.resolved(), Path::new("resolved.toml")).unwrap_or_else(|error| panic!("{error}"));
        prop_assert_eq!(&again.variants, &experiment.variants);
        prop_assert_eq!(&again.seeds, &experiment.seeds);
    }
}

#[test]
fn as_many_jobs_as_are_allowed() {
    let seeds: Vec<String> = (0..=MAX_JOBS).map(|seed| seed.to_string()).collect();
    let text = |count: usize| {
        format!("[experiment]\nname = \"a\"\nseeds = [{}]\n[[variant]]\nname = \"A\"\n", seeds[..count].join(", "))
    };
    assert_eq!(read(&text(MAX_JOBS)).seeds.len(), MAX_JOBS);
    let found = mistake(&text(MAX_JOBS + 1));
    assert!(found.message.contains("1 variant x 50,001 seeds = 50,001 jobs"), "{found}");
}
