//! A pipeline file as it lies on the disk: its name, its text, and where in the text things stand.

use std::{fs::File, io::Read, ops::Range, path::Path};

use serde_json::Value;

use super::{
    codes,
    problem::{DocPath, Place, Problem},
    read::{MAX_DEPTH, MAX_VALUES, Refusal},
    span, yaml,
};
use crate::suggest;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// A pipeline file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// A source of a text, under the name by which messages call it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A problem if it can't be read, is larger than [`MAX_BYTES`], or is not UTF-8; with it what
    /// could be read, to show the place in.
    pub fn read(path: &Path) -> Result<Self, Box<(Self, Problem)>> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(Box::new((Self::new(name, ""), unreadable(path, &error))));
        }
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Box::new((Self::new(name, ""), too_large())));
        }
        String::from_utf8(bytes).map(|text| Self::new(&name, text)).map_err(|error| {
            let problem = not_utf8(error.as_bytes(), error.utf8_error().valid_up_to());
            Box::new((Self::new(name, String::from_utf8_lossy(error.as_bytes())), problem))
        })
    }

    /// By which messages call it: the path as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the file says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The document as JSON, keys in order.
    ///
    /// Keys that are there twice are problems too, but don't stop the reading: the first one counts.
    ///
    /// # Errors
    /// The one reason why there is no document.
    pub fn parse(&self) -> Result<(Value, Vec<Problem>), Box<Problem>> {
        match yaml::parse(&self.text) {
            Ok(parsed) => {
                let repeated = parsed.repeated.iter().map(|(path, nth)| self.repeated(path, *nth));
                Ok((parsed.value, repeated.collect()))
            }
            Err((refusal, at)) => Err(Box::new(self.refused(&refusal, at))),
        }
    }

    /// The bytes of a place; of what is around it, if it isn't there itself.
    pub fn locate(&self, place: &Place) -> Range<usize> {
        let (path, key) = match place {
            Place::Bytes(start, end) => return self.clamp(*start, *end),
            Place::Key(path) => (path, true),
            Place::Value(path) => (path, false),
        };
        match self.find(path, key, 0) {
            Some(range) if range.is_empty() && !key => self.locate(&Place::Key(path.clone())),
            Some(range) => range,
            None if key => path.0.split_last().map_or(0..0, |_| self.locate(&Place::Value(path.clone()))),
            None => self.around(path),
        }
    }

    /// The 1-based line and column (in characters) of a byte.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.clamp(byte, byte).start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// A place as it is written in the file, on one line.
    pub fn snippet(&self, place: &Place) -> &str {
        self.text[self.locate(place)].lines().next().unwrap_or_default()
    }

    fn around(&self, path: &DocPath) -> Range<usize> {
        match path.0.split_last() {
            Some((_, parent)) => self.locate(&Place::Key(DocPath(parent.to_vec()))),
            None => 0..0,
        }
    }

    fn find(&self, path: &DocPath, key: bool, occurrence: usize) -> Option<Range<usize>> {
        let (start, shape) = yaml::find(&self.text, path, key, occurrence)?;
        let range = span::token(&self.text, start, &shape);
        Some(self.clamp(range.start, range.end))
    }

    /// A range that is inside the text and splits no character.
    fn clamp(&self, start: usize, end: usize) -> Range<usize> {
        let start = self.text.floor_char_boundary(start);
        start..self.text.ceil_char_boundary(end.max(start)).min(self.text.len())
    }

    fn repeated(&self, path: &DocPath, occurrence: usize) -> Problem {
        let key = path.last_key();
        let place = self
            .find(path, true, occurrence)
            .map_or_else(|| Place::Key(path.clone()), |range| Place::Bytes(range.start, range.end));
        Problem::new(codes::DUPLICATE_KEY, place, format!("`{key}` is there twice"))
            .label("a second time")
            .related(Place::Key(path.clone()), "the first time")
            .help("keep one of the two")
    }

    fn refused(&self, refusal: &Refusal, at: Option<usize>) -> Problem {
        let start = at.unwrap_or(0);
        let line_end = self.text.get(start..).and_then(|rest| rest.find(['\r', '\n']));
        let end = line_end.map_or(self.text.len(), |length| start + length);
        let token = |text: &str| Place::Bytes(start, start + text.len());
        let rest = Place::Bytes(start, end);
        let here = Place::Bytes(start, start + 1);
        match refusal {
            Refusal::Empty => empty(),
            Refusal::Syntax(message) => super::syntax::problem(self, message, at),
            Refusal::TooDeep => Problem::new(
                codes::TOO_LARGE,
                here,
                format!("lists and mappings are nested deeper than {} levels", MAX_DEPTH),
            )
            .label("too deep here")
            .help("a pipeline needs about five levels; look for an alias that contains itself"),
            Refusal::TooMany => Problem::new(
                codes::TOO_LARGE,
                here,
                format!("the file stands for more than {} values", MAX_VALUES),
            )
            .label("reached here")
            .help("aliases (`*name`) are counted as often as they are used; use fewer of them"),
            Refusal::Tag(tag) => {
                Problem::new(codes::YAML_FEATURE, rest, format!("the tag `!{tag}` means nothing here"))
                    .label("a YAML tag")
                    .help("remove it; the key's own type decides how the value is read")
            }
            Refusal::MergeKey => {
                Problem::new(codes::YAML_FEATURE, token("<<"), "merge keys (`<<`) are not read")
                    .label("a merge key")
                    .help("write the keys out, or use an anchor and an alias for the whole value")
            }
            Refusal::KeyNotText(key) => {
                Problem::new(codes::YAML_FEATURE, token(key), format!("the key `{key}` is not text"))
                    .label(format!("did you mean `\"{key}\"`?"))
                    .help("keys are text; put quotes around one that looks like something else")
            }
            Refusal::Number(number) => Problem::new(
                codes::YAML_FEATURE,
                rest,
                format!("`{number}` is not a number that can be used"),
            )
            .label("not a finite number of 64 bits")
            .help("write a finite number"),
            Refusal::SeveralDocuments => {
                Problem::new(codes::YAML_FEATURE, token("---"), "a second document begins here")
                    .label("one file is one pipeline")
                    .help("move what follows into its own file")
            }
        }
    }
}

fn empty() -> Problem {
    Problem::new(codes::EMPTY_FILE, Place::Bytes(0, 0), "the file says nothing")
        .help("a pipeline has at least `version: 1`, a `name`, and `nodes`; see `kiln explain E0002`")
}

fn too_large() -> Problem {
    let message = format!("the file is larger than {} KiB", MAX_BYTES / 1024);
    Problem::new(codes::TOO_LARGE, Place::Bytes(0, 0), message)
        .help("a pipeline is a page or two; is this the right file?")
}

fn not_utf8(bytes: &[u8], valid: usize) -> Problem {
    let message = format!("the file is not UTF-8: byte {valid} is 0x{:02x}", bytes[valid]);
    // The text shown has U+FFFD, three bytes, where the wrong byte was.
    Problem::new(codes::NOT_UTF8, Place::Bytes(valid, valid + '\u{fffd}'.len_utf8()), message)
        .label("not UTF-8")
        .help("save the file as UTF-8")
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot read `{}`: {}", path.display(), plain(error));
    let problem = Problem::new(codes::UNREADABLE, Place::Bytes(0, 0), message);
    match nearest(path) {
        Some(near) if error.kind() == std::io::ErrorKind::NotFound => {
            problem.help(format!("did you mean `{}`?", near.display()))
        }
        _ => problem.help("give the path of a pipeline file, e.g. `pipelines/quickstart.yaml`"),
    }
}

/// The error without the number that the system gives it.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.chars().take(1).flat_map(char::to_lowercase).chain(text.chars().skip(1)).collect()
}

/// The entry of the same folder whose name is closest to what `path` asks for.
pub fn nearest(path: &Path) -> Option<std::path::PathBuf> {
    let folder = path.parent()?;
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(shown).ok()?.flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let wanted = path.file_name()?.to_str()?;
    suggest::closest(wanted, names.iter().map(String::as_str)).map(|name| folder.join(name))
}
