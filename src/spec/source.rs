//! A pipeline file as it lies on the disk: its name, its text, and where in the text things stand.

use std::{fs::File, io, io::Read as _, ops::Range, path::Path};

use serde_json::Value;

use super::{
    codes,
    fix::Fix,
    looks::Looks,
    problem::{DocPath, Place, Problem},
};
use crate::{
    files, shown, suggest,
    yaml::{self, Refusal},
};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;
/// How many entries of a folder are compared with a name that is not there.
const MAX_ENTRIES: usize = 2_000;
/// What a shell calls a pipe that it hands over, `<(…)` among them.
const PIPES: [&str; 3] = ["/dev/stdin", "/dev/fd", "/proc/self/fd"];

/// A pipeline file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// How many bytes of the file stand before the text: those of a byte-order mark.
    before: usize,
    looks: Looks,
}

impl Source {
    /// A source of a text, under the name by which messages call it. A byte-order mark is no part of the text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let size = text.len();
        let text = files::without_mark(text);
        Self { name: name.into(), before: size - text.len(), text, looks: Looks::default() }
    }

    /// Reads a regular file.
    ///
    /// # Errors
    /// A problem if it can't be read, is larger than [`MAX_BYTES`], or is not UTF-8; with it what
    /// could be read, to show the place in.
    pub fn read(path: &Path) -> Result<Self, Box<(Self, Problem)>> {
        Self::of_bytes(path, files::read(path, MAX_BYTES))
    }

    /// Reads a regular file, or what a shell hands over: `/dev/stdin` and `<(…)` may be pipes.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_given(path: &Path) -> Result<Self, Box<(Self, Problem)>> {
        if PIPES.iter().any(|pipe| path.starts_with(pipe)) {
            return Self::of_bytes(path, read_pipe(path));
        }
        Self::read(path)
    }

    /// What was read of a file; the path gives it its name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_bytes(path: &Path, bytes: io::Result<Vec<u8>>) -> Result<Self, Box<(Self, Problem)>> {
        let name = shown::path(path);
        let bytes = bytes.map_err(|error| {
            let large = error.kind() == io::ErrorKind::FileTooLarge;
            let problem = if large { too_large() } else { unreadable(path, &error) };
            Box::new((Self::new(&name, ""), problem))
        })?;
        if is_utf16(&bytes) {
            return Err(Box::new((Self::new(name, ""), utf16())));
        }
        String::from_utf8(bytes).map(|text| Self::new(&name, text)).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let source = Self::new(name, String::from_utf8_lossy(error.as_bytes()));
            let problem = not_utf8(error.as_bytes(), valid, source.before);
            Box::new((source, problem))
        })
    }

    /// Another text of the same file.
    #[must_use]
    pub fn with_text(&self, text: String) -> Self {
        Self { name: self.name.clone(), text, before: self.before, looks: Looks::default() }
    }

    /// The bytes that the file has: a byte-order mark, if there is one, and the text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mark = if self.before == 0 { "" } else { "\u{feff}" };
        [mark, &self.text].concat().into_bytes()
    }

    /// The same text under another name.
    #[must_use]
    pub(super) fn called(self, name: String) -> Self {
        Self { name, ..self }
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

    /// The bytes of a place, in the text that it is in; of what is around it, if it isn't there itself.
    pub fn locate(&self, place: &Place) -> Range<usize> {
        let (path, key) = match place {
            Place::Bytes(start, end) => return self.clamp(*start, *end),
            Place::In(other, place) => return other.locate(place),
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

    /// How many bytes of the file stand before [`Self::text`]: those of a byte-order mark.
    pub fn before(&self) -> usize {
        self.before
    }

    /// How many more places can be looked for, since each look reads the text again.
    pub(super) fn looks_left(&self) -> usize {
        self.looks.left(&self.text)
    }

    /// A value as it is written, if it is short and on one line.
    pub(super) fn written(&self, path: &DocPath) -> Option<&str> {
        let text = self.text.get(self.find(path, false, 0)?)?;
        (!text.is_empty() && text.len() <= 60 && !text.contains(['\r', '\n'])).then_some(text)
    }

    /// A place as it is written in the file, on one line.
    pub fn snippet<'a>(&'a self, place: &'a Place) -> &'a str {
        place.source(self).text[self.locate(place)].lines().next().unwrap_or_default()
    }

    fn around(&self, path: &DocPath) -> Range<usize> {
        match path.0.split_last() {
            Some((_, parent)) => self.locate(&Place::Key(DocPath(parent.to_vec()))),
            None => 0..0,
        }
    }

    fn find(&self, path: &DocPath, key: bool, occurrence: usize) -> Option<Range<usize>> {
        let range = self.looks.find(&self.text, path, key, occurrence)?;
        Some(self.clamp(range.start, range.end))
    }

    /// A range that is inside the text and splits no character.
    fn clamp(&self, start: usize, end: usize) -> Range<usize> {
        let start = self.text.floor_char_boundary(start);
        start..self.text.ceil_char_boundary(end.max(start)).min(self.text.len())
    }

    fn repeated(&self, path: &DocPath, occurrence: usize) -> Problem {
        let key = path.last_key();
        let bytes = |range: Range<usize>| Place::Bytes(range.start, range.end);
        let first = bytes(self.locate(&Place::Key(path.clone())));
        let place = self.find(path, true, occurrence).map_or_else(|| first.clone(), bytes);
        Problem::new(codes::DUPLICATE_KEY, place, format!("`{key}` is there twice"))
            .label("a second time")
            .related(first, "the first time")
            .help("keep one of the two")
    }

    fn refused(&self, refusal: &Refusal, at: Option<usize>) -> Problem {
        let start = at.unwrap_or(0);
        let line_end = self.text.get(start..).and_then(|rest| rest.find(['\r', '\n']));
        let end = line_end.map_or(self.text.len(), |length| start + length);
        let token = |length: usize| Place::Bytes(start, start + length);
        let rest = Place::Bytes(start, end);
        let here = token(1);
        let new = |code, at| Problem::new(code, at, refusal.to_string());
        match refusal {
            Refusal::Empty => empty(),
            Refusal::Syntax(message) => super::syntax::problem(self, message, at),
            Refusal::TooDeep => new(codes::TOO_LARGE, here)
                .label("too deep here")
                .help("a pipeline needs about five levels; look for an alias that contains itself"),
            Refusal::TooMany => new(codes::TOO_LARGE, here)
                .label("reached here")
                .help("aliases (`*name`) are counted as often as they are used; use fewer of them"),
            Refusal::TooLong => new(codes::TOO_LARGE, here)
                .label("reached here")
                .help("the text of an alias (`*name`) is counted as often as it is used; use fewer of them"),
            Refusal::Unlikely(_) => new(codes::TOO_LARGE, here)
                .label("here")
                .help("no pipeline has that; is this the right file?"),
            Refusal::Tag(_) => new(codes::YAML_FEATURE, rest)
                .label("a YAML tag")
                .help("remove it; the key's own type decides how the value is read"),
            Refusal::MergeKey => new(codes::YAML_FEATURE, token(2))
                .label("a merge key")
                .help("write the keys out, or use an anchor and an alias for the whole value"),
            Refusal::KeyNotText(key) => {
                let (key, place) = self.word(start).unwrap_or((key, here));
                let label = match key.starts_with(['[', '{']) {
                    true => "a list or a mapping".to_owned(),
                    false => format!("did you mean `\"{key}\"`?"),
                };
                let value = yaml::scalar(key).filter(|_| !label.starts_with("a list"));
                let fix = value.map(|value| Fix::value(place.clone(), &value, format!("\"{key}\"")));
                Problem::new(codes::YAML_FEATURE, place, Refusal::KeyNotText(key.to_owned()).to_string())
                    .label(label)
                    .fix(fix)
                    .help("keys are text; put quotes around one that looks like something else")
            }
            Refusal::Number(number) => {
                let (number, place) = self.word(start).unwrap_or((number, rest));
                Problem::new(codes::YAML_FEATURE, place, Refusal::Number(number.to_owned()).to_string())
                    .label("not a finite number of 64 bits")
                    .help("write a finite number")
            }
            Refusal::SeveralDocuments => new(codes::YAML_FEATURE, token(3))
                .label("one file is one pipeline")
                .help("move what follows into its own file"),
        }
    }

    /// The key, number or word at a byte, as it is written; not a list or a mapping.
    fn word(&self, start: usize) -> Option<(&str, Place)> {
        let range = yaml::word(&self.text, start);
        let word = self.text.get(range.clone()).filter(|word| !word.is_empty() && word.len() <= 60)?;
        (!word.starts_with(['[', '{', '?'])).then_some((word, Place::Bytes(range.start, range.end)))
    }
}

/// Reads what may be a pipe, to its end or to the limit.
fn read_pipe(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Whether bytes are text of two bytes a character, with a byte-order mark or as plain English.
fn is_utf16(bytes: &[u8]) -> bool {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(8).all(|byte| *byte == 0);
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || (bytes.len() >= 4 && (zeros(0) != zeros(1)))
}

fn empty() -> Problem {
    Problem::new(codes::EMPTY_FILE, Place::Bytes(0, 0), Refusal::Empty.to_string())
        .help("a pipeline has at least `version: 1`, a `name`, and `nodes`; see `kiln explain E0002`")
}

fn utf16() -> Problem {
    Problem::new(codes::NOT_UTF8, Place::Bytes(0, 0), "the file is UTF-16, not UTF-8")
        .help("save the file as UTF-8, which editors offer beside the file's name")
}

fn too_large() -> Problem {
    let message = format!("the file is larger than {} KiB", MAX_BYTES / 1024);
    Problem::new(codes::TOO_LARGE, Place::Bytes(0, 0), message)
        .help("a pipeline is a page or two; is this the right file?")
}

/// `before` are the bytes of the file that are no part of the text shown.
fn not_utf8(bytes: &[u8], valid: usize, before: usize) -> Problem {
    let message = format!("the file is not UTF-8: byte {valid} is 0x{:02x}", bytes[valid]);
    // The text shown has U+FFFD, three bytes, where the wrong byte was.
    let start = valid - before;
    Problem::new(codes::NOT_UTF8, Place::Bytes(start, start + '\u{fffd}'.len_utf8()), message)
        .label("not UTF-8")
        .help("save the file as UTF-8")
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot read `{}`: {}", shown::path(path), plain(error));
    let problem = Problem::new(codes::UNREADABLE, Place::Bytes(0, 0), message);
    match nearest(path) {
        Some(near) if error.kind() == io::ErrorKind::NotFound => {
            problem.help(format!("did you mean `{}`?", shown::path(&near)))
        }
        _ => problem.help("give the path of a pipeline file, e.g. `pipelines/quickstart.yaml`"),
    }
}

/// The error without the number that the system gives it.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.chars().take(1).flat_map(char::to_lowercase).chain(text.chars().skip(1)).collect()
}

/// The entry of the same folder whose name is closest to what `path` asks for.
pub fn nearest(path: &Path) -> Option<std::path::PathBuf> {
    let folder = path.parent()?;
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(shown).ok()?.flatten().take(MAX_ENTRIES);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let wanted = path.file_name()?.to_str()?;
    suggest::closest(wanted, names.iter().map(String::as_str)).map(|name| folder.join(name))
}
