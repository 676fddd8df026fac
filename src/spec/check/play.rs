//! What self-play asks for.

use super::Clash;
use crate::spec::choice::{JudgedBy, World};
use crate::spec::settings::Settings;

/// A contradiction between keys of self-play and others.
pub(super) fn clash(settings: &Settings) -> Option<Clash> {
    let (spell, mix) = (&settings.spell, &settings.data.mix);
    if !spell.learn.is_on() {
        return None;
    }
    if settings.data.dataset().is_some() {
        return Some(Clash {
            keys: &["data.file", "spell.learn"],
            message: "data.file and spell.learn are both set".to_string(),
            help: "self-play poses questions about documents of the micro world; leave data.file out",
        });
    }
    if settings.data.world != World::Micro {
        return Some(Clash {
            keys: &["data.world", "spell.learn"],
            message: "data.world is `english` and spell.learn is set".to_string(),
            help: "questions are read and checked in the language of the micro world alone; set data.world to `micro`",
        });
    }
    if mix.dialogue + mix.numeric > 0.0 {
        return Some(Clash {
            keys: &["spell.learn", "data.mix.dialogue", "data.mix.numeric"],
            message: "spell.learn is set and the pool holds dialogues or figures, about which no question can be posed"
                .to_string(),
            help: "set data.mix.dialogue and data.mix.numeric to 0",
        });
    }
    if settings.reward.judge != JudgedBy::Rule {
        return Some(Clash {
            keys: &["reward.judge", "spell.learn"],
            message: "spell.learn and reward.judge are both set".to_string(),
            help: "in self-play the policy is its own judge; leave reward.judge out",
        });
    }
    let bounds: [(&'static [&'static str], f64, f64); 2] = [
        (&["spell.solved_low", "spell.solved_high"], spell.solved_low, spell.solved_high),
        (&["spell.agree_low", "spell.agree_high"], spell.agree_low, spell.agree_high),
    ];
    bounds.into_iter().find(|(_, low, high)| low > high).map(|(keys, low, high)| Clash {
        keys,
        message: format!("{} ({low}) is greater than {} ({high})", keys[0], keys[1]),
        help: "raise the greatest value or lower the least one",
    })
}
