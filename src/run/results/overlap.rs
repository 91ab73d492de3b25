//! Nodes that would read what the same run replaces.

use std::{fs, path::Path};

use super::Results;
use crate::{
    error::{Error, Result},
    paths,
    plan::Plan,
    shown,
};

impl Results {
    /// A source among the results that the same run replaces would be another one each time.
    pub(super) fn must_not_read_itself(&self, plan: &Plan, wanted: &[usize]) -> Result<()> {
        for &index in wanted {
            let step = &plan.steps()[index];
            let paths =
                step.node.sources().into_iter().map(|source| paths::resolve(&plan.base, &source.path));
            if let Some(path) = paths.into_iter().find(|path| self.replaces(path, plan, wanted)) {
                return Err(reads_itself(&step.id, &path));
            }
        }
        Ok(())
    }

    /// The first of many files that lies among the results of the `wanted` steps. The system is asked only about those
    /// whose names say that they lie in this folder.
    pub(in crate::run) fn first_replaced<'f>(
        &self,
        mut files: impl Iterator<Item = &'f Path>,
        plan: &Plan,
        wanted: &[usize],
    ) -> Option<&'f Path> {
        let roots: Vec<_> =
            std::iter::once(self.root.clone()).chain(fs::canonicalize(&self.root).ok()).collect();
        let (mut folder, mut is_close) = (None, false);
        // Most of many files lie in the same folder as the one before.
        let mut close = |file: &'f Path| {
            let own = file.parent().map(Path::as_os_str);
            if folder != Some(own) {
                (folder, is_close) = (Some(own), roots.iter().any(|root| file.starts_with(root)));
            }
            is_close || roots.iter().any(|root| root.as_os_str() == file.as_os_str())
        };
        files.find(|file| close(file) && self.replaces(file, plan, wanted))
    }

    /// Whether a file lies among the results of the `wanted` steps.
    fn replaces(&self, file: &Path, plan: &Plan, wanted: &[usize]) -> bool {
        lies_in(file, &self.root)
            && wanted.iter().any(|&index| lies_in(file, &self.folder(&plan.steps()[index].id)))
    }
}

/// The error of a node that reads `path`, which lies among the results that its run replaces.
pub(in crate::run) fn reads_itself(node: &str, path: &Path) -> Error {
    let message =
        format!("node `{node}` reads {}, which this run replaces by its own result", shown::path(path));
    Error::store(message).help(
        "refer to the node that makes it, copy the file to another folder, or show these results elsewhere with \
         `--out DIR`",
    )
}

/// Whether `path` lies in `folder` or is it, as the file system sees it; both may be missing in part.
fn lies_in(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| {
        path.ancestors().find_map(|known| {
            let rest = path.strip_prefix(known).ok()?;
            fs::canonicalize(known).ok().map(|known| known.join(rest))
        })
    };
    match (real(path), real(folder)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        _ => path.starts_with(folder),
    }
}
