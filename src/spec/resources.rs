//! `[resources]`: what a job needs of the machine that runs it. It changes no result and is no part of a job's identity.

use super::error::SpecError;
use super::part::{Part, kind_of};
use super::texts::Doc;

/// What a job needs of a machine beside its threads (`train.threads`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Memory, MiB.
    pub memory: u64,
    /// GPUs.
    pub gpus: u32,
    /// Longest time of one go, minutes; a job that is cut off goes on from its checkpoint.
    pub minutes: u64,
}

impl Default for Resources {
    /// A job at scale micro, and a day.
    fn default() -> Resources {
        Resources { memory: 1536, gpus: 0, minutes: 24 * 60 }
    }
}

/// A key of `[resources]`: its name, its range, what it says.
pub(super) const KEYS: [(&str, u64, u64, &str); 3] = [
    ("memory", 1, 1 << 30, "Memory of a job, MiB."),
    ("gpus", 0, 1024, "GPUs of a job."),
    (
        "minutes",
        1,
        60 * 24 * 366,
        "Longest time of one go of a job, minutes; one that is cut off goes on from its checkpoint.",
    ),
];

impl Resources {
    /// The value of a key.
    pub(super) fn get(&self, name: &str) -> u64 {
        match name {
            "memory" => self.memory,
            "gpus" => self.gpus.into(),
            _ => self.minutes,
        }
    }

    fn set(&mut self, name: &str, value: u64) {
        match name {
            "memory" => self.memory = value,
            "gpus" => self.gpus = u32::try_from(value).expect("the range of `gpus` ends at 1024"),
            _ => self.minutes = value,
        }
    }
}

/// Reads the sections of all files, key by key; the last file has the last word.
pub(super) fn read(docs: &[Doc<'_>]) -> Result<Resources, SpecError> {
    let mut resources = Resources::default();
    for doc in docs {
        let Some(value) = doc.root.get_ref().get("resources") else { continue };
        let part = Part::new(doc.source, value, "[resources]")?;
        part.known(&KEYS.map(|key| key.0))?;
        for (name, least, most, about) in KEYS {
            let Some(value) = part.table.get(name) else { continue };
            let number = super::layer::plain(value).and_then(|value| value.as_integer());
            match number.and_then(|number| u64::try_from(number).ok()).filter(|number| (least..=most).contains(number))
            {
                Some(number) => resources.set(name, number),
                None => {
                    let found = number.map_or_else(|| kind_of(value), |number| number.to_string());
                    let message = format!("`{name}` is an integer from {least} to {most}, found {found}");
                    return Err(part.spot_of(value).error(message, about));
                }
            }
        }
    }
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse;

    const SPEC: &str = "[experiment]\nname = \"toy\"\nkind = \"base\"\nseeds = [0]\n[[variant]]\nname = \"base\"\n";

    #[test]
    fn resources_are_read_and_change_no_job() {
        let plain = parse(SPEC, "toy.toml".as_ref()).unwrap();
        assert_eq!(plain.resources, Resources::default());
        let text = format!("{SPEC}[resources]\nmemory = 65536\ngpus = 2\nminutes = 90\n");
        let large = parse(&text, "toy.toml".as_ref()).unwrap();
        assert_eq!(large.resources, Resources { memory: 65536, gpus: 2, minutes: 90 });
        assert_eq!(large.jobs().unwrap(), plain.jobs().unwrap());
        let again = parse(&large.resolved(), "toy.toml".as_ref()).unwrap();
        assert_eq!(again.resources, large.resources);
    }

    #[test]
    fn what_is_no_resource_is_named() {
        let said =
            |line: &str| parse(&format!("{SPEC}[resources]\n{line}\n"), "toy.toml".as_ref()).unwrap_err().to_string();
        assert!(said("memory = 0").contains("`memory` is an integer from 1 to"), "{}", said("memory = 0"));
        assert!(said("gpus = \"two\"").contains("found a string"), "{}", said("gpus = \"two\""));
        assert!(said("minute = 5").contains("did you mean `minutes`?"), "{}", said("minute = 5"));
    }
}
