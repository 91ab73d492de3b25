//! Paths where nothing lies, or the wrong thing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    budget::Budget,
    node::{Node, SourcePath},
    paths,
    progress::Stop,
    shown,
    spec::{DocPath, DraftNode, Fix, Place, Problem, brief, codes, escape, source::nearest},
};

/// How many folders are searched for names like those that are not there.
const MAX_SEARCHES: u64 = 50;
/// The longest path that is looked at, in bytes, as on most systems.
const MAX_PATH: usize = 4_096;
/// How many bytes of files at the paths are read in all.
const MAX_BYTES: u64 = 16 << 20;
/// The largest file that may be read as a whole; of a larger one, only [`HEAD`] is.
const MAX_WHOLE: u64 = 1 << 20;
/// How much of a large file is looked at.
const HEAD: u64 = 1 << 16;

/// Every path where nothing lies.
pub(super) fn problems(nodes: &[DraftNode], base: &Path) -> Vec<Problem> {
    let mut searches = Budget::new(MAX_SEARCHES);
    let mut problems = Vec::new();
    for node in nodes {
        for source in node.built.iter().flat_map(|built| built.node.sources()) {
            let at = Place::Value(["nodes", node.id.as_str(), source.key].into());
            let (folder, written) = as_written(node, &source);
            let base = &base.join(folder);
            let wrong = Wrong { at, node: &node.id, source: &source, written, base };
            problems.extend(wrong.problem(&mut searches));
        }
    }
    problems
}

/// The folder where a path starts, seen from the pipeline file's, and the path as it is written.
fn as_written<'a>(node: &'a DraftNode, source: &'a SourcePath) -> (&'a str, &'a str) {
    let folder = node.folders.get(source.key).map_or("", String::as_str);
    let written = source.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    match written {
        Some(written) if !folder.is_empty() => (folder, written),
        _ => ("", &source.path),
    }
}

/// Everything that is wrong with what lies at the paths, as far as looking costs little.
pub(super) fn contents(nodes: &[DraftNode], base: &Path) -> Vec<Problem> {
    let mut bytes = Budget::new(MAX_BYTES);
    let mut problems = Vec::new();
    for node in nodes {
        let found =
            node.built.as_ref().map(|built| looked_at(&*built.node, base, &mut bytes)).unwrap_or_default();
        let here = DocPath::from(["nodes", node.id.as_str()]);
        problems.extend(found.into_iter().map(|problem| problem.under(&here)));
    }
    problems
}

fn looked_at(node: &dyn Node, base: &Path, bytes: &mut Budget) -> Vec<Problem> {
    let sources = node.sources().into_iter().filter(|source| source.path.len() <= MAX_PATH);
    let paths = sources.map(|source| (source.key, paths::resolve(base, &source.path)));
    let affordable = |(_, path): &(&str, PathBuf)| {
        fs::metadata(path).is_ok_and(|metadata| {
            let size = metadata.len();
            bytes.take(if size > MAX_WHOLE { HEAD } else { size }).is_ok()
        })
    };
    node.check_sources(&paths.filter(affordable).collect())
}

/// A path, and who names it.
struct Wrong<'a> {
    at: Place,
    node: &'a str,
    source: &'a SourcePath,
    /// The path as it is written, and the folder where it starts.
    written: &'a str,
    base: &'a Path,
}

impl Wrong<'_> {
    /// What is wrong with it, if anything is.
    fn problem(self, searches: &mut Budget) -> Option<Problem> {
        if self.source.path.len() > MAX_PATH {
            return Some(self.too_long());
        }
        let tried = paths::resolve(self.base, self.written);
        match paths::fixed_part(&tried).try_exists() {
            Ok(true) if self.matches_nothing(&tried) => Some(self.no_match(&tried)),
            Ok(true) => None,
            Ok(false) => Some(self.nothing_there(&tried, searches)),
            Err(error) => Some(self.closed(&tried, &error)),
        }
    }

    /// Whether it is a pattern, and none of what lies there is what the node looks for.
    fn matches_nothing(&self, tried: &Path) -> bool {
        self.source.path.contains('*')
            && (self.source.list)(tried, &Stop::default()).is_ok_and(|files| files.is_empty())
    }

    fn told(&self, what: &str) -> Problem {
        let (key, written) = (self.source.key, brief(self.written));
        let message =
            format!("`{key}` of node `{}` {}", self.node, what.replace("{}", &format!("`{written}`")));
        Problem::new(codes::MISSING_PATH, self.at.clone(), message)
    }

    fn too_long(&self) -> Problem {
        self.told("names {}, which is too long for a path")
            .label(format!("{} bytes", self.source.path.len()))
            .help(format!("a path has at most {MAX_PATH} bytes; is this one?"))
    }

    fn no_match(&self, tried: &Path) -> Problem {
        self.told("is the pattern {}, which no file matches")
            .label("matches nothing")
            .help(format!("looked below {}", shown::path(&paths::fixed_part(tried))))
    }

    fn closed(&self, tried: &Path, error: &io::Error) -> Problem {
        self.told("names {}, which can't be accessed")
            .label(crate::spec::source::plain(error))
            .help(format!("tried {}", shown::path(tried)))
    }

    fn nothing_there(&self, tried: &Path, searches: &mut Budget) -> Problem {
        let (written, base) = (self.written, self.base);
        let tried = paths::fixed_part(tried);
        let same = other_spelling(base, written);
        // A file of another name is a guess, and another user's home is another folder.
        let fix = same.as_ref().filter(|_| !written.starts_with(['~', '$']));
        let fix = fix.map(|same| Fix::word(self.at.clone(), escape(written), escape(same)));
        let other = match same {
            Some(other) => Respelled::Whole(other),
            None => respelled(base, written, searches),
        };
        let label = match &other {
            Respelled::Whole(other) => format!("did you mean `{other}`?"),
            _ => "nothing is there".to_owned(),
        };
        let mut help: Vec<String> = spelling(written).into_iter().collect();
        help.push(format!("tried {}", shown::path(&tried)));
        if let Ok(target) = fs::read_link(&tried) {
            help.push(format!("it is a link to {}, where nothing is", shown::path(&target)));
        }
        if Path::new(written).is_relative() {
            help.push(format!("relative paths start at {}", shown::path(&paths::resolve(base, ""))));
        }
        let present = last_folder(&tried);
        match other {
            Respelled::Part(part) => help.push(format!("`{part}` is there, without what comes after it")),
            Respelled::Nothing if present != paths::resolve(base, "") => {
                help.push(format!("the last folder that exists is {}", shown::path(&present)));
            }
            _ => {}
        }
        self.told("names {}, and nothing is there").label(label).help(help.join("\n")).fix(fix)
    }
}

/// The deepest folder on the way that exists.
fn last_folder(path: &Path) -> PathBuf {
    let mut above = path.ancestors().skip(1);
    above.find(|folder| folder.exists()).unwrap_or(path).to_owned()
}

/// What a path has that a shell or a browser would read, and Kiln doesn't.
fn spelling(written: &str) -> Option<String> {
    let text = if written.starts_with('~') {
        "`~` is not read as your home folder; write the path from `/` on".to_owned()
    } else if written.contains('$') {
        let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let after = written.split_once('$').map_or("", |(_, after)| after);
        let name =
            after.split(|char| !is_name(char)).next().filter(|name| !name.is_empty()).unwrap_or("NAME");
        format!("variables such as `${name}` are not replaced; `${{env.{name}}}` is")
    } else if written.starts_with("file:") {
        "a path is wanted, without `file://`".to_owned()
    } else if written.contains("://") {
        "a path is wanted, and this is a URL; only the `weights` of a model are fetched".to_owned()
    } else if written.contains('\\') && !cfg!(windows) {
        "the parts of a path are divided by `/`, not by a backslash".to_owned()
    } else {
        format!("there is {} in the path", shown::odd(written)?)
    };
    Some(text)
}

/// The same path as it would be written here, if something is there.
fn other_spelling(base: &Path, written: &str) -> Option<String> {
    let home = || std::env::var("HOME").ok().filter(|home| !home.is_empty());
    let mut other = written.trim().chars().filter(|char| !shown::is_hidden(*char)).collect::<String>();
    for (shell, rest) in [("~", "/"), ("$HOME", ""), ("file://", "/"), ("file:", "/")] {
        if let Some(below) = other.strip_prefix(shell).filter(|below| below.starts_with(rest)) {
            other = if shell.starts_with("file") { below.to_owned() } else { home()? + below };
            break;
        }
    }
    if !cfg!(windows) {
        other = other.replace('\\', "/");
    }
    let fixed = paths::fixed_part(&paths::resolve(base, &other));
    (other != written && !other.is_empty() && fixed.exists()).then_some(other)
}

/// A path with each name that is not there replaced by the closest one of its folder.
enum Respelled {
    /// All of the respelled path exists.
    Whole(String),
    /// The respelled path exists as far as this part of it.
    Part(String),
    /// No name of the folder is close to the one written.
    Nothing,
}

fn respelled(base: &Path, written: &str, searches: &mut Budget) -> Respelled {
    let (mut path, mut other, mut replaced) = (base.to_owned(), PathBuf::new(), false);
    let mut components = Path::new(written).components();
    while let Some(component) = components.next() {
        if paths::is_starred(&component) {
            other.extend([component].into_iter().chain(components));
            break;
        }
        let mut next = path.join(component);
        let mut name = component.as_os_str().to_owned();
        if !next.exists() {
            let near = searches.take(1).ok().and_then(|()| nearest(&next)).filter(|near| near.exists());
            let Some(near) = near else {
                return text(other).filter(|_| replaced).map_or(Respelled::Nothing, Respelled::Part);
            };
            name = near.file_name().unwrap_or_default().to_owned();
            (next, replaced) = (near, true);
        }
        other.push(name);
        path = next;
    }
    text(other).filter(|_| replaced).map_or(Respelled::Nothing, Respelled::Whole)
}

fn text(path: PathBuf) -> Option<String> {
    path.into_os_string().into_string().ok()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::{nodes::KINDS, plan::load_source, spec::render::Style};

    /// A folder with `base`, `data/train`, `elsewhere/images`, and `base/link` to `elsewhere/inner`.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["base", "data/train", "elsewhere/images", "elsewhere/inner"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        symlink("../elsewhere/inner", dir.path().join("base/link")).unwrap();
        symlink("nowhere", dir.path().join("base/dead")).unwrap();
        dir
    }

    /// What is told about the root of a dataset.
    fn told(dir: &Path, root: &str) -> Option<String> {
        let root = serde_json::Value::from(root);
        let text = format!("version: 1\nname: p\nnodes:\n  d: {{ type: dataset, root: {root} }}\n");
        let rejected =
            load_source(crate::spec::Source::new("p.yaml", text), &dir.join("base"), KINDS).err()?;
        let real = dir.canonicalize().unwrap();
        let text = rejected.human(Style { width: 200, ..Style::PLAIN });
        Some(text.replace(real.to_str().unwrap(), "/T").replace(dir.to_str().unwrap(), "/T"))
    }

    #[test]
    fn a_path_through_a_link_is_what_the_disk_says() {
        let dir = folder();
        assert_eq!(told(dir.path(), "link/../images"), None);
        assert_eq!(told(dir.path(), "../data"), None);
        assert_eq!(told(dir.path(), "link/../../data/train"), None);
        assert!(told(dir.path(), "none/../link").is_some(), "the disk says that `none` is not there");
        assert!(told(dir.path(), "link/../data").is_some(), "a name says that it is there, and it is not");
    }

    #[test]
    fn what_is_offered_exists() {
        let dir = folder();
        let label = |root: &str| {
            let told = told(dir.path(), root).unwrap();
            told.split("did you mean `").nth(1).map(|rest| rest.split('`').next().unwrap().to_owned())
        };
        assert_eq!(label("../dta/trian").unwrap(), "../data/train");
        assert_eq!(label("../Data").unwrap(), "../data");
        assert_eq!(label("../dta/images"), None, "the folder is there, the images in it are not");
        assert_eq!(label("..\\data").unwrap(), "../data");
        assert_eq!(label(" ../data\u{a0}").unwrap(), "../data");
        let whole = dir.path().join("data").display().to_string();
        assert_eq!(label(&format!("file://{whole}")).unwrap(), "/T/data");
    }

    #[test]
    fn what_only_a_shell_reads_is_explained() {
        let dir = folder();
        let roots = ["~/no-such-folder", "$DATA/digits", "https://host/data.zip", "dead", "C:\\data"];
        let told = roots.map(|root| told(dir.path(), root).unwrap());
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn what_is_no_folder_is_called_by_its_name() {
        let dir = folder();
        let files: [(&str, &[u8]); 5] = [
            ("data.zip", b"PK\x03\x04"),
            ("data.yaml", b"path: data\n"),
            ("0.png", b"\x89PNG"),
            ("list.txt", b"a.png\n"),
            ("other", b"?"),
        ];
        let told = files.map(|(name, bytes)| {
            fs::write(dir.path().join("base").join(name), bytes).unwrap();
            told(dir.path(), name).unwrap()
        });
        insta::assert_snapshot!(told.join("\n"));
    }
}
