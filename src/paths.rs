//! Paths as text, and back, without loss: whatever a file is called, an index or a list can hold its name.
//!
//! The escaped form: `/` divides folders; a byte that is not UTF-8 is written `\xff`, and so is a `\` in a
//! name (`\x5c`), so that no two paths have the same text. All other names are written as they are.

use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

/// The text of a path.
pub fn to_text(path: &Path) -> String {
    let parts: Vec<String> = path.components().map(|part| escaped(part.as_os_str())).collect();
    let text = parts.join("/");
    // The root is a part by itself.
    if text.starts_with("//") { text[1..].to_owned() } else { text }
}

/// The text of the path of `path` below `root`, or of the whole path if it lies elsewhere; a file that is
/// `root` goes by its own name.
pub fn below(root: &Path, path: &Path) -> String {
    if let Some(plain) = plainly_below(root, path) {
        return plain.to_owned();
    }
    match path.strip_prefix(root) {
        Ok(below) if below.as_os_str().is_empty() => path.file_name().map_or_else(String::new, escaped),
        Ok(below) => to_text(below),
        Err(_) => to_text(path),
    }
}

/// What [`below`] gives, for paths that are written as most are: without looking at their parts.
fn plainly_below<'p>(root: &Path, path: &'p Path) -> Option<&'p str> {
    let rest = path.to_str()?.strip_prefix(root.to_str()?)?.strip_prefix('/')?;
    let is_plain = |part: &str| !part.is_empty() && part != ".";
    (!rest.contains('\\') && rest.split('/').all(is_plain)).then_some(rest)
}

/// The path that a text stands for. Where the system has no such names, `\xff` becomes `\u{fffd}`.
pub fn from_text(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend(&rest.as_bytes()[..at]);
        let escape = byte(&rest[at..]);
        bytes.push(escape.unwrap_or(b'\\'));
        rest = &rest[at + if escape.is_some() { 4 } else { 1 }..];
    }
    bytes.extend(rest.as_bytes());
    of_bytes(bytes)
}

/// Whether a path stays below the folder that it is joined to.
pub fn stays_below(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// `base/path`, absolute, with `.` and `..` worked out as the file system does: through links, and not where
/// nothing is.
pub fn resolve(base: &Path, path: &str) -> PathBuf {
    let joined = base.join(path);
    let absolute = std::path::absolute(&joined).unwrap_or(joined);
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => up(&mut clean),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// One folder up from a path without `..`, or with one where no folder is.
fn up(path: &mut PathBuf) {
    if path.is_symlink()
        && let Ok(real) = path.canonicalize()
    {
        *path = real;
    }
    let is_folder = path.is_dir() && path.file_name().is_some();
    if is_folder || path.parent().is_none() {
        path.pop();
    } else {
        path.push("..");
    }
}

/// The path up to its first component with a `*`.
pub fn fixed_part(path: &Path) -> PathBuf {
    path.components().take_while(|component| !is_starred(component)).collect()
}

/// Whether a part of a path is a pattern.
pub fn is_starred(component: &Component<'_>) -> bool {
    component.as_os_str().to_string_lossy().contains('*')
}

/// The path as seen from the current folder, where it lies below it.
pub fn from_here(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).ok().filter(|rest| rest.components().next().is_some()).unwrap_or(path)
}

fn escaped(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\x5c"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// The byte that `\xff` at the start of `text` stands for.
fn byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    are_digits.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// The path that bytes are. Where the system has no such names, what is no text becomes `\u{fffd}`.
#[cfg(unix)]
pub fn of_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

/// The path that bytes are. Where the system has no such names, what is no text becomes `\u{fffd}`.
#[cfg(not(unix))]
pub fn of_bytes(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_relative() {
        assert_eq!(below(Path::new("/d"), Path::new("/d/train/7/x.png")), "train/7/x.png");
        assert_eq!(below(Path::new("/d/x.png"), Path::new("/d/x.png")), "x.png");
        assert_eq!(below(Path::new("/d"), Path::new("写真/1.png")), "写真/1.png");
        assert_eq!(below(Path::new("/d"), Path::new("/e/1.png")), "/e/1.png");
        assert_eq!(to_text(Path::new("/")), "/");
    }

    #[test]
    fn only_plain_relative_paths_stay_below() {
        for good in ["a", "a/b.png", "..a", "a/./b"] {
            assert!(stays_below(Path::new(good)), "{good}");
        }
        for bad in ["", "..", "/a", "a/../b", "./a"] {
            assert!(!stays_below(Path::new(bad)), "{bad}");
        }
    }

    #[test]
    fn a_pattern_starts_where_its_stars_do() {
        assert_eq!(fixed_part(Path::new("/d/*/x.png")), Path::new("/d"));
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(OsStr::from_bytes(b"b\xe4r/a\\xff.png"));
        assert_eq!(to_text(path), "b\\xe4r/a\\x5cxff.png");
        assert_eq!(from_text("b\\xe4r/a\\x5cxff.png"), path);
        assert_eq!(from_text("a\\b\\xg"), Path::new("a\\b\\xg"));
    }

    #[cfg(unix)]
    proptest! {
        #[test]
        fn no_path_is_lost(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..9), 1..4)) {
            use std::os::unix::ffi::OsStrExt as _;
            let mut path = PathBuf::new();
            for part in &parts {
                let part: Vec<u8> = part.iter().copied().filter(|byte| !matches!(byte, 0 | b'/')).collect();
                if !matches!(part[..], [] | [b'.'] | [b'.', b'.']) {
                    path.push(OsStr::from_bytes(&part));
                }
            }
            prop_assert_eq!(from_text(&to_text(&path)), path);
        }
    }
}
