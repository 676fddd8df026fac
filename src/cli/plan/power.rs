//! `longlab plan SPEC --power`: what each claim needs, before anything is run.

use super::PlanArgs;
use crate::cli::{table, wiring};
use crate::lab::Layout;
use crate::report::{self, Deviations, Needed};
use crate::spec::{self, Experiment};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// The needs of all claims on scores, as a table or JSON.
pub(super) fn page(args: &PlanArgs, experiment: &Experiment, layout: &Layout) -> Result<String> {
    let input = wiring::measured_or_planned(experiment, layout)?;
    let assumed = match (&args.spread, &args.like) {
        (Some(text), _) => Some(stated(text)?),
        (None, Some(path)) => {
            let other = spec::load(path)?;
            let found = report::measured_deviations(&wiring::measured(&other, layout)?, "avg")?;
            Some(found.with_context(|| format!("{} has no two variants with two finished seeds", path.display()))?)
        }
        (None, None) => None,
    };
    let items = experiment.variants.first().map_or(0, |variant| variant.settings.eval.items);
    if let Some(effect) = args.effect {
        ensure!(effect > 0.0 && effect.is_finite(), "--effect {effect}: give points above 0");
    }
    let needed = report::power(&input, assumed, args.effect, items)?;
    if needed.is_empty() {
        bail!(
            "no claim on scores has variances to reckon with; run two seeds, or give those of another experiment (--like SPEC) or stated ones \
             (--spread seed=0.6,item=20,within=15)"
        );
    }
    Ok(match args.json {
        true => format!("{:#}\n", json!(needed.iter().map(as_json).collect::<Vec<_>>())),
        false => as_table(&needed),
    })
}

/// `seed=0.6,item=20,within=15`
fn stated(text: &str) -> Result<Deviations> {
    let mut deviations = Deviations { seed: 0.0, item: 0.0, within: 0.0 };
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').with_context(|| format!("--spread {pair}: write NAME=POINTS"))?;
        let number: f64 = value.trim().parse().with_context(|| format!("--spread {pair}: {value:?} is no number"))?;
        ensure!(number >= 0.0 && number.is_finite(), "--spread {pair}: give points of 0 or more");
        match name.trim() {
            "seed" => deviations.seed = number,
            "item" => deviations.item = number,
            "within" => deviations.within = number,
            other => bail!("--spread {other}: the names are seed, item, within"),
        }
    }
    Ok(deviations)
}

fn as_table(needed: &[Needed]) -> String {
    let count = |count: Option<usize>| count.map_or("never".to_string(), |count| count.to_string());
    let rows = needed.iter().map(|need| {
        let Deviations { seed, item, within } = need.deviations;
        vec![
            need.text.clone(),
            need.measure.clone(),
            format!("{:.2}{}", need.effect, if need.published { " (published)" } else { "" }),
            need.detectable.map_or("-".into(), |points| format!("{points:.2}")),
            format!("{} x {}", need.design.0, need.design.1),
            count(need.seeds),
            count(need.items),
            format!("{seed:.2} / {item:.1} / {within:.1}"),
        ]
    });
    let head = ["claim", "measure", "effect", "detectable", "seeds x items", "seeds needed", "items needed", "spread"];
    let table = table::render(&head, &rows.collect::<Vec<_>>(), &[3, 5, 6]);
    format!(
        "{table}\nPoints; 80% power at level 0.05, two-sided. Detectable: the smallest effect with the seeds and items of the spec. Seeds needed: with these \
         items; items needed (all suites of the measure together): with these seeds; never: a million are not enough. Spread: standard deviations of a \
         difference between seeds / items / answers of an item in a seed.\n"
    )
}

fn as_json(need: &Needed) -> Value {
    let Deviations { seed, item, within } = need.deviations;
    json!({
        "claim": need.text, "measure": need.measure, "effect": need.effect, "published": need.published,
        "detectable": need.detectable, "seeds": need.design.0, "items": need.design.1,
        "seeds_needed": need.seeds, "items_needed": need.items,
        "spread": {"seed": seed, "item": item, "within": within},
    })
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn stated_spreads_are_checked() {
        let spread = stated("seed=0.6, item=20").unwrap();
        assert_eq!((spread.seed, spread.item, spread.within), (0.6, 20.0, 0.0));
        for (text, words) in
            [("seed", "NAME=POINTS"), ("seed=x", "no number"), ("seed=-1", "0 or more"), ("luck=1", "the names are")]
        {
            assert!(format!("{:#}", stated(text).unwrap_err()).contains(words), "{text}");
        }
    }
}
