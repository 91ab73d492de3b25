//! A way in, as `cli` and `api` are: `kiln lsp`, which tells editors what `kiln check`, `plan`, `show` and `list` tell people.
//!
//! It reads and never writes: no store is made, no node runs. What is not saved counts, also of files that others extend.
//! An ability is a file and a line in [`ability::ABILITIES`].

mod ability;
mod completion;
mod cursor;
mod definition;
mod diagnostics;
mod explanations;
mod family;
mod fixes;
mod formatting;
mod hover;
mod lenses;
mod lines;
mod meant;
mod name;
mod outline;
mod page;
mod references;
mod rename;
mod server;
mod standing;
mod uri;
mod world;

use std::path::{Path, PathBuf};

pub use self::server::serve;

/// Where the store of a pipeline file is.
pub type StoreOf = dyn Fn(&Path) -> PathBuf + Send + Sync;
