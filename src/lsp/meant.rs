//! Whether a YAML file is meant as a pipeline: editors start the server for all of them.

use super::outline::{Outline, Part};
use crate::spec::layout;

/// The language by which an editor may call pipelines, if it tells them from other YAML files.
pub(super) const LANGUAGE: &str = "kiln";
/// What the first line of a pipeline names.
const SCHEMA: &str = "pipeline.schema.json";
/// Those that other files seldom have.
const OWN: [&str; 2] = ["nodes", "extends"];

/// What a file is meant as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    Pipeline,
    /// There is nothing in it yet.
    Anything,
    Other,
}

/// What a text is meant as: a pipeline names the schema, or has its keys and few others.
pub(super) fn of(text: &str, outline: &Outline) -> Meant {
    let names_schema = text.lines().any(|line| line.starts_with('#') && line.contains(SCHEMA));
    let top = outline.0.iter().filter(|token| token.part == Part::Key && token.path.0.len() == 1);
    let (known, others): (Vec<_>, Vec<_>) = top.partition(|token| layout::KEYS.contains(&&*token.text));
    let has_own = known.iter().any(|token| OWN.contains(&&*token.text));
    match (known.len(), others.len()) {
        _ if names_schema => Meant::Pipeline,
        (0, 0) => Meant::Anything,
        (_, 0) => Meant::Pipeline,
        (known, others) if has_own && known > others => Meant::Pipeline,
        _ => Meant::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_left_alone() {
        let meant = |text: &str| of(text, &Outline::of(text));
        for pipeline in [
            "version: 1\nname: a\nnodes: {}\nsed: 1\n",
            "extends: a.yaml\n",
            "nodes:\n  a: { ty\n",
            "# yaml-language-server: $schema=../schemas/pipeline.schema.json\nnode: 1\n",
        ] {
            assert_eq!(meant(pipeline), Meant::Pipeline, "{pipeline}");
        }
        for other in [
            "name: CI\non: push\njobs: {}\n",
            "version: '3'\nname: a\nservices: {}\n",
            "kind: Cluster\napiVersion: v1\nnodes: []\n",
            "extends: eslint\nrules: {}\n",
        ] {
            assert_eq!(meant(other), Meant::Other, "{other}");
        }
        for empty in ["", "# later\n", "nam"] {
            assert_eq!(meant(empty), Meant::Anything, "{empty}");
        }
    }
}
