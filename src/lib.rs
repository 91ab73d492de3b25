//! Kiln fires experiments: a YAML file names nodes (dataset, transforms, model, train, val, predict,
//! export), and Kiln checks it, turns it into a graph, and runs what is not already in its store.
//!
//! To train, measure, predict and export from a program, begin with [`api`]; what follows is a map for those who look
//! deeper, or work on Kiln.
//!
//! # Two halves and a bridge
//!
//! The **engine** knows files, graphs, recipes and results, and no image; the **learning** half knows images,
//! networks and numbers, and no YAML. Only [`nodes`] sees both. `tests/architecture.rs` holds the arrows.
//!
//! ```text
//! file.yaml -> spec::Source -> schema errors, all of them -> PipelineSpec -> Plan (order, all graph errors)
//!   -> for each node:
//!        params + input digests + sources -> Recipe -> Key -> Store: Hit -> Artifact
//!                                                           Miss(Slot) -> Node::run -> commit -> Artifact
//!        every turn -> Event -> reporters
//! ```
//!
//! | room | concept | its main types |
//! |---|---|---|
//! | [`api`] | a program's way in | `Workspace`, `Training`, `Model` |
//! | [`lsp`] | an editor's way in | one file an ability |
//! | [`spec`] | what the user wrote | `Source`, `PipelineSpec`, `Problem` |
//! | [`node`] | the contract between engine and kinds | `Node`, `Kind`, `Context` |
//! | [`plan`] | what will happen | `Plan`, `Step` |
//! | [`run`] | making it happen | `RunRequest`, `Forecast`, `Reason` |
//! | [`store`] | what is kept | `Store`, `Recipe`, `Key`, `Lookup`, `Slot`, `Artifact` |
//! | [`report`] | what is shown | `Reporter` |
//! | [`nodes`] | the bridge: one file a kind | `KINDS` |
//! | [`data`] | images to batches | `Reader`, `Dataset`, `Transforms`, `Loader`, `Batch` |
//! | [`arch`] | networks as data | `Arch` |
//! | [`network`] | networks that compute | `Network`, `Parameters` |
//! | [`weights`] | files of numbers | `Weights`, `ModelFile` |
//! | [`train`] | fitting | the loop, optimizers, schedules, EMA, checkpoints |
//! | [`eval`] | measuring | `Classifier`, metrics |
//! | `plot` | pictures | charts, contact sheets |
//! | [`bench`] | comparing | `Row`, `Step` |
//! | [`export`] | handing over | `Format`, `Model`, `Lowered`; one file a format |
//!
//! Leaves that anybody may use: [`error`], [`progress`], `suggest`, [`random`], `files` (opens a user's files
//! safely), [`atomic`] (files that are there whole or not at all), `names` (of files, from files), [`paths`] (as text), `alike` (names that look the same), [`shown`] (names as a person may see them), `budget` (work that is
//! counted down), [`device_name`] (`cuda:0`), [`device_names`] (`cuda:0,cuda:1`), `signature` (what a file is, by its first bytes), [`softmax`], `statistics` (what few measurements say), [`yaml`] (text to values and places, within
//! limits). [`event`] is all that a run can say; [`device`] opens a backend's device by its name
//! (what a backend does better than burn is in `network/kernels`), [`download`] alone fetches from the internet;
//! [`cli`] may use everything.
//!
//! "The reference" in comments is Ultralytics' YOLO classification, whose networks, checkpoints and defaults Kiln matches;
//! `docs/reference.md` has its facts, by the headings that comments name.
//!
//! A new node kind is one file in `nodes/` and one line in `KINDS`; its doc comments are the user's manual.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod alike;
pub mod api;
pub mod arch;
pub mod atomic;
pub mod bench;
mod budget;
pub mod cli;
pub mod data;
pub mod device;
pub mod device_name;
pub mod device_names;
pub mod download;
pub mod error;
pub mod eval;
pub mod event;
// Its insides are being rewritten; `pub(crate)` comes with that.
pub mod export;
mod files;
pub mod lsp;
mod matrix;
mod names;
pub mod network;
pub mod node;
pub mod nodes;
mod panics;
pub mod paths;
pub mod plan;
mod plot;
pub mod progress;
pub mod random;
pub mod report;
pub mod run;
pub mod shown;
mod signature;
pub mod softmax;
pub mod spec;
mod statistics;
pub mod store;
mod suggest;
pub mod train;
pub mod weights;
mod width;
pub mod yaml;
