//! `extends: base.yaml`: a pipeline that says only in what it differs from another one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{
    codes,
    expects::brief,
    origin::{BaseFile, Origin, Origins, Spot},
    problem::{DocPath, Place, Problem},
    references,
    source::{Source, nearest},
    unsaved::{self, Unsaved},
};
use crate::{paths, shown};

/// The key that names the other file.
pub(super) const KEY: &str = "extends";
/// The most files that extend each other, one after the other.
const MAX_FILES: usize = 16;

/// What a pipeline file says together with those that it extends, its references as they are written.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// The pipeline file itself.
    pub(super) source: &'a Source,
    /// All that is said.
    pub(super) value: Value,
    /// By whom.
    pub(super) origins: Origins,
    /// What is wrong with it, though it can be read.
    pub(super) problems: Vec<Problem>,
}

impl<'a> Document<'a> {
    /// Reads a pipeline file whose folder is `base`, and those that it extends.
    ///
    /// # Errors
    /// Why one of them can't be read.
    pub fn read(source: &'a Source, base: &Path) -> Result<Self, Vec<Problem>> {
        Self::read_with(source, base, &unsaved::NONE)
    }

    /// As [`Self::read`], with texts in place of those on the disk.
    ///
    /// # Errors
    /// Why one of the files can't be read.
    pub fn read_with(source: &'a Source, base: &Path, unsaved: &Unsaved) -> Result<Self, Vec<Problem>> {
        let (value, mut problems) = source.parse().map_err(|problem| vec![*problem])?;
        super::known_version(&value, |path| source.written(path).map(str::to_owned))
            .map_err(|it| vec![*it])?;
        let own = Layer { file: None, value };
        if own.value.get(KEY).is_none() {
            return Ok(Self { source, value: own.value, origins: Origins::default(), problems });
        }
        let layers = chain(source, base, unsaved, own, &mut problems)?;
        let (value, origins) = merged(layers);
        super::known_version(&value, |path| origins.written(source, path))
            .map_err(|problem| vec![origins.trace(source, *problem)])?;
        Ok(Self { source, value, origins, problems })
    }

    /// All that is said, its references as they are written.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where the key or the value at a path is written, if something stands there.
    pub fn place(&self, path: &DocPath, key: bool) -> Option<Place> {
        path.of(&self.value)?;
        Some(self.origins.of(path).value.place(self.source, key))
    }
}

/// What one of the files says.
struct Layer {
    /// The file; none for the pipeline file itself.
    file: Option<Arc<BaseFile>>,
    value: Value,
}

impl Layer {
    fn spot(&self, path: DocPath) -> Spot {
        match &self.file {
            None => Spot::Own(path),
            Some(file) => Spot::Base(Arc::clone(file), path),
        }
    }
}

/// A file and all that it extends, itself first.
fn chain(
    source: &Source,
    base: &Path,
    unsaved: &Unsaved,
    own: Layer,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Layer>, Vec<Problem>> {
    let itself = Path::new(source.name()).file_name().map(|name| base.join(name));
    let mut seen: Vec<PathBuf> = itself.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut layers = vec![own];
    while let Some(layer) = layers.last()
        && let Some(named) = layer.value.get(KEY)
    {
        let link = Link { source, base, unsaved, at: layer.spot([KEY].into()), from: layer.file.as_deref() };
        let (path, file) = link.file(named).map_err(|problem| vec![*problem])?;
        link.must_be_new(&path, &seen).map_err(|problem| vec![*problem])?;
        seen.extend(path.canonicalize());
        let (value, repeated) =
            file.text.parse().map_err(|problem| vec![link.within(*problem, &file.text)])?;
        if !value.is_object() {
            return Err(vec![link.problem("is no mapping of keys").label("this file")]);
        }
        problems.extend(repeated.into_iter().map(|problem| link.within(problem, &file.text)));
        layers.push(Layer { file: Some(Arc::new(file)), value });
    }
    Ok(layers)
}

/// One file naming another.
struct Link<'a> {
    /// The pipeline file, and its folder.
    source: &'a Source,
    base: &'a Path,
    unsaved: &'a Unsaved,
    /// Where the other file is named.
    at: Spot,
    /// The file in which it is; none for the pipeline file.
    from: Option<&'a BaseFile>,
}

impl Link<'_> {
    /// Reads the file that is named, and gives its path.
    fn file(&self, named: &Value) -> Result<(PathBuf, BaseFile), Box<Problem>> {
        let Some(named) = named.as_str() else {
            let problem =
                self.problem_of(codes::WRONG_TYPE, "`extends` must be the path of a file".to_owned());
            return Err(Box::new(problem.label("not a path")));
        };
        if !references::is_plain(named) {
            let problem =
                self.problem("can't be a reference").label("decides where parameters are read from");
            return Err(Box::new(problem));
        }
        let folder = self.from.map_or("", |file| file.folder.as_str());
        let written = Path::new(folder).join(named);
        let path = paths::resolve(self.base, written.to_str().unwrap_or_default());
        let shown_as = Path::new(self.source.name()).with_file_name("").join(&written);
        let text = match self.unsaved.read(&path) {
            Ok(text) => text.called(shown::path(&shown_as)),
            Err(unread) if unread.1.code == codes::UNREADABLE => {
                return Err(Box::new(self.absent(named, &path)));
            }
            Err(unread) => {
                let text = Arc::new(unread.0.called(shown::path(&shown_as)));
                return Err(Box::new(self.within(unread.1, &text)));
            }
        };
        let folder = written.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
        Ok((path, BaseFile { text: Arc::new(text), folder }))
    }

    fn must_be_new(&self, path: &Path, seen: &[PathBuf]) -> Result<(), Box<Problem>> {
        let is_seen = path.canonicalize().is_ok_and(|path| seen.contains(&path));
        let problem = if is_seen {
            self.problem("leads back to a file that extends this one").label("a circle closes here")
        } else if seen.len() >= MAX_FILES {
            self.problem("is one of too many")
                .label(format!("more than {MAX_FILES} files, one after the other"))
        } else {
            return Ok(());
        };
        Err(Box::new(problem))
    }

    fn absent(&self, named: &str, path: &Path) -> Problem {
        let label = match nearest(path).and_then(|near| near.file_name()?.to_str().map(str::to_owned)) {
            Some(near) if !path.exists() => {
                let meant = Path::new(named).with_file_name(near);
                format!("did you mean `{}`?", shown::path(&meant))
            }
            _ if path.exists() => "no file that can be read".to_owned(),
            _ => "nothing is there".to_owned(),
        };
        let message = format!("`extends` names `{}`, which can't be read", brief(named));
        let problem = self.problem_of(codes::EXTENDS, message).label(label);
        problem.help(format!(
            "tried {}\nthe path starts at the folder of the file that it is in",
            shown::path(path)
        ))
    }

    fn problem(&self, what: &str) -> Problem {
        self.problem_of(codes::EXTENDS, format!("what `extends` names {what}"))
    }

    fn problem_of(&self, code: &'static str, message: String) -> Problem {
        Problem::new(code, self.at.place(self.source, false), message)
    }

    /// A problem of the other file's own.
    fn within(&self, problem: Problem, text: &Arc<Source>) -> Problem {
        problem.within(text).related(self.at.place(self.source, false), "extended here")
    }
}

/// What all say together: of each key, the first file that has it.
fn merged(layers: Vec<Layer>) -> (Value, Origins) {
    let (mut value, mut origins) = (Value::Object(serde_json::Map::new()), Origins::default());
    for mut layer in layers.into_iter().rev() {
        if let Some(map) = layer.value.as_object_mut() {
            map.shift_remove(KEY);
        }
        let over = std::mem::take(&mut layer.value);
        overlay(&mut value, &mut origins, over, &layer, &DocPath::default());
    }
    (value, origins)
}

/// Lays what a file says at a path over what those that it extends say there: mappings key by key, all else as a whole.
fn overlay(under: &mut Value, origins: &mut Origins, over: Value, layer: &Layer, path: &DocPath) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            // The mapping is now this file's, each of the keys that it had still another's.
            for key in under.keys() {
                let path = path.join(key.as_str());
                let origin = origins.of(&path);
                origins.set(&path, origin);
            }
            origins.set(path, Origin::at(layer.spot(path.clone())));
            for (key, value) in over {
                let path = path.join(key.as_str());
                let under = under.entry(key).or_insert(Value::Null);
                overlay(under, origins, value, layer, &path);
            }
        }
        (under, over) => {
            *under = over;
            origins.replace(path, Origin::at(layer.spot(path.clone())));
        }
    }
}
