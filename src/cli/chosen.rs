//! The experiment that a command is about.

use crate::spec::{self, Experiment, Scale, SpecError};
use std::path::{Path, PathBuf};

/// An experiment file and the scale it is read at.
#[derive(clap::Args, Debug)]
pub(super) struct Chosen {
    /// The experiment file
    #[arg(value_name = "SPEC")]
    pub(super) spec: PathBuf,
    /// Read the experiment at another scale: model, lengths and batch of experiments/scales/<SCALE>.toml
    #[arg(long, value_name = "SCALE")]
    pub(super) scale: Option<Scale>,
}

impl Chosen {
    /// Reads and checks it.
    pub(super) fn load(&self) -> Result<Experiment, SpecError> {
        spec::load_at(&self.spec, Path::new(""), self.scale)
    }
}
