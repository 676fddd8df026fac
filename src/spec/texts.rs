//! The files that an experiment is made of: itself, those that it extends, and the preset of its scale.

use super::choice::Scale;
use super::error::{Source, SpecError, Spot};
use super::part::kind_of;
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;
use toml::de::DeTable;

/// How many files one experiment may be made of: itself and those that it extends.
pub(super) const DEPTH: usize = 8;

/// The texts of an experiment: the furthest ancestor first, the file itself last.
pub(super) struct Texts {
    files: Vec<(PathBuf, String)>,
    presets: Vec<(Scale, PathBuf, Cow<'static, str>)>,
}

/// A parsed file.
pub(super) struct Doc<'a> {
    pub source: Source<'a>,
    pub root: Spanned<DeTable<'a>>,
}

/// The presets as they were when longlab was built: for projects that have none, and for texts without a folder.
const SHIPPED: [(Scale, &str); 4] = [
    (Scale::Micro, include_str!("../../experiments/scales/micro.toml")),
    (Scale::Smol, include_str!("../../experiments/scales/smol.toml")),
    (Scale::B4, include_str!("../../experiments/scales/4b.toml")),
    (Scale::B30, include_str!("../../experiments/scales/30b.toml")),
];

impl Texts {
    /// One text alone; it cannot extend another.
    pub fn alone(text: &str, path: &Path) -> Result<Texts, SpecError> {
        let presets = SHIPPED.map(|(scale, text)| (scale, preset_path(scale), Cow::Borrowed(text)));
        let texts = Texts { files: vec![(path.to_path_buf(), text.to_string())], presets: presets.to_vec() };
        let doc = Doc::parse(Source { path, text })?;
        match doc.extends()? {
            None => Ok(texts),
            Some((_, spot)) => Err(spot
                .error("`extends` names another file, and this text is read alone", "give the experiment as a file")),
        }
    }

    /// The file at `path` and all that it extends, none of them outside `root` (or the folder of `path`).
    pub fn gather(path: &Path, root: &Path) -> Result<Texts, SpecError> {
        let text = std::fs::read_to_string(path).map_err(|cause| SpecError::unreadable(path, cause))?;
        let home = Home::new(path, root);
        let mut files = vec![(path.to_path_buf(), text)];
        let mut seen = vec![real(path)];
        while let Some((path, text)) = parent(files.last(), &home, &seen)? {
            seen.push(real(&path));
            files.push((path, text));
        }
        files.reverse();
        let presets = SHIPPED.iter().map(|(scale, shipped)| preset(root, *scale, shipped));
        Ok(Texts { files, presets: presets.collect::<Result<_, _>>()? })
    }

    /// The parsed files, in the order in which one overrides the one before.
    pub fn docs(&self) -> Result<Vec<Doc<'_>>, SpecError> {
        self.files.iter().map(|(path, text)| Doc::parse(Source { path, text })).collect()
    }

    /// The files that were read for an experiment of a scale, the furthest ancestor first.
    pub fn paths(&self, scale: Scale) -> Vec<PathBuf> {
        let preset = self.presets.iter().filter(|(of, _, text)| *of == scale && matches!(text, Cow::Owned(_)));
        self.files.iter().map(|(path, _)| path).chain(preset.map(|(_, path, _)| path)).cloned().collect()
    }

    /// The preset of a scale.
    pub fn preset(&self, scale: Scale) -> Result<Doc<'_>, SpecError> {
        let (_, path, text) = self.presets.iter().find(|(of, ..)| *of == scale).expect("each scale has a preset");
        Doc::parse(Source { path, text })
    }
}

/// `experiments/scales/smol.toml`.
fn preset_path(scale: Scale) -> PathBuf {
    Path::new("experiments/scales").join(format!("{}.toml", scale.name()))
}

fn preset(root: &Path, scale: Scale, shipped: &'static str) -> Result<(Scale, PathBuf, Cow<'static, str>), SpecError> {
    let path = root.join(preset_path(scale));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((scale, path, Cow::Owned(text))),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok((scale, path, Cow::Borrowed(shipped))),
        Err(cause) => Err(SpecError::unreadable(&path, cause)),
    }
}

impl<'a> Doc<'a> {
    pub fn parse(source: Source<'a>) -> Result<Doc<'a>, SpecError> {
        let root = DeTable::parse(source.text).map_err(|error| source.syntax(&error))?;
        Ok(Doc { source, root })
    }

    /// What the file extends, as it is written.
    fn extends(&self) -> Result<Option<(String, Spot<'a>)>, SpecError> {
        let Some(value) = self.root.get_ref().get("extends") else {
            return Ok(None);
        };
        let spot = Spot { source: self.source, span: value.span() };
        match value.get_ref().as_str() {
            Some(text) => Ok(Some((text.to_string(), spot))),
            None => {
                let message = format!("`extends` is a text, found {}", kind_of(value));
                Err(spot.error(message, "write extends = \"table5.toml\", above the first section"))
            }
        }
    }
}

/// Where files that are extended may lie.
struct Home {
    folders: Vec<PathBuf>,
}

impl Home {
    fn new(path: &Path, root: &Path) -> Home {
        let own = path.parent().unwrap_or(Path::new(""));
        Home {
            folders: [root, own]
                .map(|folder| real(if folder == Path::new("") { Path::new(".") } else { folder }))
                .to_vec(),
        }
    }

    fn holds(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder))
    }
}

/// The path without links and dots; itself where there is no such file.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The file that `file` extends.
fn parent(
    file: Option<&(PathBuf, String)>,
    home: &Home,
    seen: &[PathBuf],
) -> Result<Option<(PathBuf, String)>, SpecError> {
    let Some((path, text)) = file else { return Ok(None) };
    let doc = Doc::parse(Source { path, text })?;
    let Some((name, spot)) = doc.extends()? else {
        return Ok(None);
    };
    let found = path.parent().unwrap_or(Path::new("")).join(&name);
    checked(&name, &found, &spot, home)?;
    if let Some(first) = seen.iter().position(|other| *other == real(&found)) {
        let short = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let round: Vec<String> = seen[first..].iter().chain([&seen[first]]).map(short).collect();
        return Err(spot.error(format!("`extends` goes in a circle: {}", round.join(" -> ")), "take one of them out"));
    }
    if seen.len() == DEPTH {
        let message = format!("{DEPTH} files extend one another already");
        return Err(spot.error(message, "merge some of them into one"));
    }
    let read = std::fs::read_to_string(&found);
    let read = read.map_err(|cause| spot.error(format!("cannot read {}: {cause}", found.display()), BESIDE))?;
    Ok(Some((found, read)))
}

const BESIDE: &str =
    "`extends` is relative to the file that it stands in; write extends = \"table5.toml\" for one beside it";

fn checked(name: &str, found: &Path, spot: &Spot<'_>, home: &Home) -> Result<(), SpecError> {
    if Path::new(name).is_absolute() || !name.ends_with(".toml") {
        return Err(spot.error(format!("`extends` cannot be {name:?}: it is the relative path of a TOML file"), BESIDE));
    }
    if !found.is_file() && !leaves(found) {
        return Err(spot.error(format!("there is no file {}", found.display()), BESIDE));
    }
    if !home.holds(&real(found)) {
        let message = format!("`extends` leaves the project: {}", real(found).display());
        return Err(spot.error(message, "an experiment extends files of its own project only; copy that file into it"));
    }
    Ok(())
}

/// Whether a relative path goes above the folder that it starts from.
pub(super) fn leaves(path: &Path) -> bool {
    let mut depth = 0_i64;
    path.components().any(|component| {
        depth += match component {
            Component::ParentDir => -1,
            Component::Normal(_) => 1,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => 0,
        };
        depth < 0
    })
}
