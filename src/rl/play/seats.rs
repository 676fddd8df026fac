//! Who sat where in a step of self-play: what its record has beside that of every other.

use super::Role;
use crate::rl::rollout::Group;
use anyhow::{Result, ensure};
use safetensors::tensor::Dtype;

/// The groups of a step of self-play.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seats {
    /// Role of each group, as in [`Role::index`].
    pub roles: Vec<u8>,
    /// Rollouts of each group.
    pub sizes: Vec<u32>,
    /// Tokens of each prompt.
    pub prompts: Vec<Vec<u32>>,
}

impl Seats {
    /// Those of some groups.
    pub fn of(groups: &[Group]) -> Seats {
        Seats {
            roles: groups.iter().map(|group| group.role.index()).collect(),
            sizes: groups.iter().map(|group| group.rollouts.len() as u32).collect(),
            prompts: groups.iter().map(|group| group.prompt.clone()).collect(),
        }
    }

    /// 64 bits of BLAKE3 over the tokens of each prompt.
    pub fn digests(&self) -> Vec<u64> {
        self.prompts.iter().map(|prompt| digest(prompt)).collect()
    }

    /// The role of a group.
    pub fn role(&self, group: usize) -> Role {
        Role::ALL[self.roles[group] as usize]
    }

    /// What is written of them: name, type, count and bytes.
    pub(in crate::rl) fn blobs(&self) -> Vec<(&'static str, Dtype, usize, Vec<u8>)> {
        let bytes = |words: &mut dyn Iterator<Item = u32>| words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
        let mut lengths = self.prompts.iter().map(|prompt| prompt.len() as u32);
        let mut tokens = self.prompts.iter().flatten().copied();
        let count = self.prompts.iter().map(Vec::len).sum();
        vec![
            ("roles", Dtype::U8, self.roles.len(), self.roles.clone()),
            ("sizes", Dtype::U32, self.sizes.len(), bytes(&mut self.sizes.iter().copied())),
            ("prompt_lengths", Dtype::U32, self.prompts.len(), bytes(&mut lengths)),
            ("prompts", Dtype::U32, count, bytes(&mut tokens)),
        ]
    }

    /// Refuses parts that do not fit together or to a batch of so many groups and rollouts.
    pub(in crate::rl) fn check(&self, groups: usize, rollouts: usize) -> Result<()> {
        let counts = [self.roles.len(), self.sizes.len(), self.prompts.len()];
        ensure!(groups > 0 && counts == [groups; 3], "{counts:?} roles, sizes and prompts for {groups} groups");
        let sum: u64 = self.sizes.iter().map(|&size| u64::from(size)).sum();
        ensure!(sum == rollouts as u64, "groups of {sum} rollouts where there are {rollouts}");
        ensure!(self.roles.iter().all(|&role| (role as usize) < Role::ALL.len()), "there is no such role");
        ensure!(self.prompts.iter().all(|prompt| !prompt.is_empty()), "an empty prompt");
        Ok(())
    }
}

fn digest(prompt: &[u32]) -> u64 {
    let bytes: Vec<u8> = prompt.iter().flat_map(|token| token.to_le_bytes()).collect();
    u64::from_le_bytes(*blake3::hash(&bytes).as_bytes().first_chunk().unwrap_or(&[0; 8]))
}
