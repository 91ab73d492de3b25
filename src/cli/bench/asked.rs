//! Which models are asked for.

use std::path::PathBuf;

use crate::{
    arch::{self, Arch},
    cli::inspect,
    error::Result,
    spec::MessageFormat,
};

/// A model, as it was named and as it was found.
pub(super) struct Asked {
    /// What the user calls it.
    pub(super) name: String,
    /// What it is.
    pub(super) found: Found,
}

/// What a model is.
pub(super) enum Found {
    /// A trained model, or an exported one.
    File(PathBuf),
    /// A network without weights.
    Arch(Box<Arch>),
}

impl Asked {
    /// The models that `names` mean, or all built-in ones.
    ///
    /// # Errors
    /// If there is no such file or architecture; a model YAML's problems are shown in `format`.
    pub(super) fn all(names: &[String], format: MessageFormat) -> Result<Vec<Self>> {
        let all = if names.is_empty() { arch::names() } else { names.to_vec() };
        all.into_iter().map(|name| Self::of(name, format)).collect()
    }

    fn of(name: String, format: MessageFormat) -> Result<Self> {
        let (path, is_yaml) = (PathBuf::from(&name), name.ends_with(".yaml") || name.ends_with(".yml"));
        let found = match path.exists() && !is_yaml {
            true => Found::File(path),
            false => Found::Arch(Box::new(inspect::find(&name, None, format)?.0)),
        };
        Ok(Self { name, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(names: &[&str]) -> Result<Vec<Asked>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Asked::all(&names, MessageFormat::Human)
    }

    #[test]
    fn without_a_name_all_that_are_built_in_are_meant() {
        let all = asked(&[]).unwrap();
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, arch::names());
        assert!(all.iter().all(|one| matches!(one.found, Found::Arch(_))));
    }

    #[test]
    fn a_model_is_a_file_or_an_architecture() {
        let weights = "tests/fixtures/weights/";
        let (file, yaml) = (format!("{weights}tiny-yolo12.pt"), format!("{weights}yolo11n-cls-tiny.yaml"));
        let found = asked(&[&file, &yaml]).unwrap();
        assert!(matches!(&found[0].found, Found::File(path) if path.ends_with("tiny-yolo12.pt")));
        assert!(matches!(&found[1].found, Found::Arch(arch) if arch.name == "yolo11n-cls-tiny"));
        let error = asked(&["yolo11z-cls"]).err().unwrap();
        assert_eq!(error.to_string(), "there is no architecture `yolo11z-cls`");
        assert!(asked(&["no/best.pt"]).is_err());
    }
}
