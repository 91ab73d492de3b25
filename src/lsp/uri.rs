//! `file:` URIs to paths, and back.

use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a path in a URI may not be written with.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a file's URI; none if it is no file, or no text in UTF-8.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.0.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = rest.split(['?', '#']).next()?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    path.starts_with('/').then(|| PathBuf::from(path.into_owned()))
}

/// The URI of a file.
pub(super) fn of(path: &Path) -> Uri {
    Uri(format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), ESCAPED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back() {
        for name in ["/a/b.yaml", "/a b/ü%20#?.yaml", "/"] {
            assert_eq!(path(&of(Path::new(name))).as_deref(), Some(Path::new(name)), "{name}");
        }
        assert_eq!(of(Path::new("/a b.yaml")).0, "file:///a%20b.yaml");
        assert_eq!(path(&Uri("file://localhost/a".into())).as_deref(), Some(Path::new("/a")));
        assert_eq!(path(&Uri("untitled:Untitled-1".into())), None);
        assert_eq!(path(&Uri("file:///%ff".into())), None);
    }
}
