//! What several test binaries share.

use longlab::spec::settings::Settings;

/// A job of seconds that trains from the shipped base policy.
pub fn short_job() -> Settings {
    tch::set_num_threads(1);
    let mut settings = Settings::default();
    settings.model.base = format!("{}/experiments/micro/base", env!("CARGO_MANIFEST_DIR"));
    (settings.data.samples, settings.data.min_tokens, settings.data.max_tokens) = (24, 64, 96);
    (settings.train.prompts, settings.train.group, settings.train.micro_prompts) = (6, 4, 3);
    settings
}
