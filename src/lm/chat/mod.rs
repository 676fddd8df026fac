//! Chat templates as transformers applies them, and the split of an answer from the thinking before it.
//!
//! | file | what it does |
//! |---|---|
//! | `template` | a template and what it may call |
//! | `python` | values as Python writes them: `str`, `repr`, `json.dumps` |
//! | `methods` | methods of Python's texts that minijinja-contrib lacks |
//! | `date` | `strftime` of a given moment |
//! | `tags` | the tag `generation`, which marks and changes nothing; and what goes into a namespace |
//! | `guard` | refuses what would make the engine recurse without end |
//! | `thinking` | the split at `</think>` |

mod date;
mod error;
mod guard;
mod methods;
mod python;
mod tags;
mod template;
mod thinking;

pub use date::Moment;
pub use error::ChatError;
pub use template::Template;
pub use thinking::{Part, Split, Splitter, opens_thinking, split_thinking, split_thinking_tokens};
