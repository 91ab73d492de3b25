//! `kiln restore`: bring back a result that is no longer shown.

use std::{fs, path::PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Project, StoreArgs, json, project::absolute};
use crate::{
    error::{Error, Result},
    run::fill,
    shown,
    store::{Artifact, Entry, Lookup, Request, Store},
    suggest,
};

/// What `kiln restore` is asked.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The result: the first digits of its key, as `kiln cache list` and a run show it
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The folder to write, which must not be there yet [default: NODE-KEY in the current folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// A result that was brought back, as `kiln restore --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Restored {
    /// Its name in the store.
    key: String,
    /// The pipeline that made it.
    pipeline: String,
    /// The node that made it.
    node: String,
    /// When it was made, in UTC.
    created: String,
    /// The folder where it is now.
    folder: String,
}

/// Writes a stored result's files into a new folder.
///
/// # Errors
/// Of kind usage, if no result or more than one has such a key, or something lies at the folder; of kind store, if the
/// result is damaged or can't be written.
pub fn restore(args: &RestoreArgs) -> Result<()> {
    let project = Project::of_command(&args.store)?;
    let store = Store::peek(&project.store)?;
    let entry = find(store.entries(), &args.key)?;
    let name = format!("{}-{}", entry.manifest.provenance.node, entry.manifest.key.short());
    let out = absolute(args.out.as_deref().unwrap_or(name.as_ref()));
    if fs::symlink_metadata(&out).is_ok() {
        return Err(Error::usage(format!("{} already exists", shown::path(&out)))
            .help("name another folder with `--out DIR`"));
    }
    let store = Store::open(&project.store)?;
    let artifact = whole(&store, &entry)?;
    fill(&out, &artifact).map_err(|error| Error::io("write", &out, error))?;
    let provenance = &entry.manifest.provenance;
    if args.json {
        json::print(&Restored {
            key: entry.manifest.key.to_string(),
            pipeline: provenance.pipeline.clone(),
            node: provenance.node.clone(),
            created: entry.manifest.created.clone(),
            folder: shown::path(&out),
        });
        return Ok(());
    }
    println!(
        "{} of {}, made {}: {}",
        provenance.node,
        provenance.pipeline,
        entry.manifest.created,
        shown::path(&out)
    );
    Ok(())
}

/// The one result whose key begins with `digits`.
fn find(entries: Vec<Entry>, digits: &str) -> Result<Entry> {
    let wanted = digits.to_ascii_lowercase();
    let fits = |entry: &Entry| !wanted.is_empty() && entry.manifest.key.to_string().starts_with(&wanted);
    let mut found: Vec<Entry> = entries.into_iter().filter(fits).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::usage(format!(
            "the store has no result whose key begins with `{}`",
            shown::text(digits)
        ))
        .help("`kiln cache list` shows all results; `--store DIR` names another store")),
        several => {
            let keys: Vec<String> = found.iter().take(3).map(|entry| entry.manifest.key.short()).collect();
            Err(Error::usage(format!("{several} results have keys that begin with `{digits}`"))
                .help(format!("give more digits: {}", suggest::list(&keys, "or", "none"))))
        }
    }
}

/// The result with every file checked.
fn whole(store: &Store, entry: &Entry) -> Result<Artifact> {
    let damage = std::cell::RefCell::new(Vec::new());
    let lookup = store.lookup(&Request {
        recipe: &entry.manifest.recipe,
        force: false,
        waiting: &|| {},
        damaged: &|line| damage.borrow_mut().push(line),
        stopped: &|| true,
    });
    match lookup? {
        Lookup::Hit(artifact) => Ok(artifact),
        Lookup::Miss(_) => Err(Error::store("the result is damaged").because(damage.borrow().join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_nothing_has_is_told() {
        for digits in ["", "0123", "zz\u{1b}"] {
            let error = find(Vec::new(), digits).unwrap_err();
            assert!(error.to_string().starts_with("the store has no result"), "{error}");
            assert!(error.hint().is_some());
        }
    }
}
