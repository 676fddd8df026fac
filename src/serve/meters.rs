//! Counts and times, as Prometheus reads them.

use crate::lm::engine::Engine;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper ends of the buckets of times, seconds.
const SECONDS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Paths that are counted by their own names; what else strangers ask for is one.
const PATHS: [&str; 5] = ["/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics"];

/// What the server has seen.
#[derive(Default)]
pub(super) struct Meters {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// From the request to the first piece of its answer.
    pub first: Times,
    /// Between two pieces of an answer.
    pub next: Times,
    /// From the request to its end.
    pub whole: Times,
    /// Tokens of prompts.
    pub prompt: AtomicU64,
}

/// How long something took, in buckets.
#[derive(Default)]
pub(super) struct Times {
    counts: [AtomicU64; SECONDS.len() + 1],
    micros: AtomicU64,
}

impl Times {
    pub(super) fn see(&self, time: Duration) {
        let bucket = SECONDS.partition_point(|&end| end < time.as_secs_f64());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    fn write(&self, page: &mut String, name: &str, about: &str) {
        let _ = writeln!(page, "# HELP longlab_{name}_seconds {about}\n# TYPE longlab_{name}_seconds histogram");
        let mut sum = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            sum += count.load(Ordering::Relaxed);
            let end = SECONDS.get(bucket).map_or("+Inf".to_owned(), f64::to_string);
            let _ = writeln!(page, "longlab_{name}_seconds_bucket{{le=\"{end}\"}} {sum}");
        }
        let seconds = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(page, "longlab_{name}_seconds_sum {seconds}\nlonglab_{name}_seconds_count {sum}");
    }
}

impl Meters {
    /// Counts a response.
    pub(super) fn count(&self, path: &str, status: StatusCode) {
        let known = |&known: &&str| known == path || known == "/v1/models" && path.starts_with("/v1/models/");
        let path = PATHS.into_iter().find(known).unwrap_or("other");
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((path, status.as_u16())).or_default() += 1;
    }

    /// The page.
    pub(super) fn page(&self, engine: &Engine, connections: usize) -> String {
        let mut page = String::new();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        page += "# HELP longlab_requests_total Requests by path and status.\n# TYPE longlab_requests_total counter\n";
        for ((path, status), count) in requests {
            let _ = writeln!(page, "longlab_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}");
        }
        let gauges = engine.gauges();
        for (name, kind, about, number) in [
            ("prompt_tokens_total", "counter", "Tokens of prompts.", &self.prompt),
            ("answer_tokens_total", "counter", "Tokens that were drawn.", &gauges.drawn),
            ("read_tokens_total", "counter", "Tokens that went through the model.", &gauges.read),
            ("reused_tokens_total", "counter", "Tokens of prompts that were found read.", &gauges.reused),
            ("answers_total", "counter", "Answers that ended.", &gauges.ended),
            ("dropped_answers_total", "counter", "Answers that failed or that nobody waited for.", &gauges.dropped),
            ("paused_answers_total", "counter", "Times an answer made room for an older one.", &gauges.paused),
            ("passes_total", "counter", "Passes through the model.", &gauges.passes),
            ("running_answers", "gauge", "Answers that are written now.", &gauges.running),
            ("waiting_answers", "gauge", "Answers that wait.", &gauges.waiting),
            ("cached_positions", "gauge", "Positions whose keys and values are held.", &gauges.positions),
        ] {
            let number = number.load(Ordering::Relaxed);
            let _ =
                writeln!(page, "# HELP longlab_{name} {about}\n# TYPE longlab_{name} {kind}\nlonglab_{name} {number}");
        }
        let about = "# HELP longlab_connections Connections that are open.\n# TYPE longlab_connections gauge";
        let _ = writeln!(page, "{about}\nlonglab_connections {connections}");
        self.first.write(&mut page, "first_piece", "From a request to the first piece of its answer.");
        self.next.write(&mut page, "next_piece", "Between two pieces of an answer.");
        self.whole.write(&mut page, "request", "From a request to the end of its answers.");
        page
    }
}
