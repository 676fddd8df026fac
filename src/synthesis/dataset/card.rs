//! The card of a dataset.

use super::stats::Stats;
use super::write::Publishing;
use crate::error::Result;
use crate::prompt;
use serde_json::json;
use std::collections::BTreeMap;

/// The card: what the set is, what it was made from and how, and how it is checked.
///
/// # Errors
/// Where the template does not render.
pub fn card(publishing: &Publishing, stats: &Stats) -> Result<String> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for entry in publishing.corpus.entries() {
        *kinds.entry(format!("{:?}", entry.kind).to_lowercase()).or_default() += 1;
    }
    let spec = publishing.spec;
    prompt::page(
        "layout/card",
        &json!({
            "name": spec.name,
            "seed": spec.seed,
            "items": stats.items,
            "documents": publishing.corpus.entries().len(),
            "kinds": kinds,
            "tokenizer": publishing.counter.hash().map(|hash| hash.0.clone()),
            "law": format!("{:?}", spec.context.length),
            "spread": format!("{:?}", spec.context.spread),
            "near": spec.context.near,
            "checks": spec.checks.asks(),
            "stats": stats.markdown(),
            "funnel": publishing.funnel.markdown(),
        }),
    )
}
