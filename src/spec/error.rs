//! What can be wrong with an experiment file, shown at its place.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why an experiment could not be loaded or expanded.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A mistake at a place in the file.
    #[error("{0}")]
    Mistake(Box<Mistake>),
    /// The experiment file cannot be read.
    #[error("cannot read the experiment {}: {cause}{}", path.display(), mend(cause.kind()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it, and a chain would say it again.
        cause: std::io::Error,
    },
    /// A file of the base policy cannot be read.
    #[error("cannot read {} of the base policy: {cause}; mend it, or set `model.base` to another folder", path.display())]
    Base {
        /// The file.
        path: PathBuf,
        /// The cause, as above.
        cause: std::io::Error,
    },
    /// A dataset cannot be read.
    #[error("`data.file` is {}: {cause}", path.display())]
    Data {
        /// What the key says.
        path: PathBuf,
        /// The cause, with the mend.
        cause: String,
    },
}

impl SpecError {
    pub(super) fn unreadable(path: &Path, cause: std::io::Error) -> Self {
        SpecError::Unreadable { path: path.to_path_buf(), cause }
    }
}

fn mend(kind: std::io::ErrorKind) -> &'static str {
    match kind {
        std::io::ErrorKind::NotFound => "; give the path of a TOML file, such as experiments/quickstart.toml",
        std::io::ErrorKind::InvalidData => "; experiments are TOML files in UTF-8",
        std::io::ErrorKind::IsADirectory => "; it is a folder, give the path of a TOML file in it",
        _ => "",
    }
}

/// A mistake at a place in an experiment file. Displays place, line, caret and mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    shown: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A span of bytes in the text of an experiment file.
pub(super) type Span = Range<usize>;

/// The text of an experiment file and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Source<'_> {
    /// An error at `span`.
    pub fn error(&self, span: Span, message: impl Into<String>, help: Option<String>) -> SpecError {
        let (message, span) = (message.into(), self.first_line(span));
        let before = &self.text[..span.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        let shown = self.shown(span, &message, help.as_deref());
        SpecError::Mistake(Box::new(Mistake { path: self.path.to_path_buf(), line, column, message, help, shown }))
    }

    /// An error that offers the nearest valid word, or lists what is valid.
    pub fn unknown(&self, span: Span, message: String, near: Option<&str>, all: &[&str]) -> SpecError {
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("valid here: {}", super::choice::listed(all)),
        };
        self.error(span, message, Some(help))
    }

    /// An error of the TOML grammar itself.
    pub fn syntax(&self, error: &toml::de::Error) -> SpecError {
        let span = error.span().unwrap_or(0..0);
        let help = Some("this is not TOML; see https://toml.io for its grammar".to_string());
        self.error(span, error.message().trim().replace('\n', ", "), help)
    }

    /// The part of `span` on its first line: a caret under one line says more than a bracket around ten.
    fn first_line(&self, span: Span) -> Span {
        let start = span.start.min(self.text.len());
        let end = span.end.clamp(start, self.text.len());
        let length = self.text[start..end].find(['\n', '\r']).unwrap_or(end - start);
        start..start + length
    }

    fn shown(&self, span: Span, message: &str, help: Option<&str>) -> String {
        let path = self.path.display().to_string();
        let snippet = Snippet::source(self.text).path(path).annotation(AnnotationKind::Primary.span(span));
        let group = Level::ERROR.primary_title(message).element(snippet);
        let group = match help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        };
        Renderer::plain().render(&[group])
    }
}

/// A place in one of the files that an experiment is made of.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub source: Source<'a>,
    pub span: Span,
}

impl Spot<'_> {
    /// An error at this place.
    pub fn error(&self, message: impl Into<String>, help: impl Into<String>) -> SpecError {
        self.source.error(self.span.clone(), message, Some(help.into()))
    }

    /// An error at this place that offers the nearest valid word, or lists what is valid.
    pub fn unknown(&self, message: String, near: Option<&str>, all: &[&str]) -> SpecError {
        self.source.unknown(self.span.clone(), message, near, all)
    }

    /// `table4.toml:12`: the file without its folder, and the line.
    pub fn short(&self) -> String {
        let name = self.source.path.file_name().unwrap_or(self.source.path.as_os_str());
        format!("{}:{}", name.to_string_lossy(), self.line())
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        let before = &self.source.text[..self.span.start.min(self.source.text.len())];
        before.matches('\n').count() + 1
    }
}
