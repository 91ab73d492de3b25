//! Lists: text files that name images, in whatever form people and programs write them.

use std::path::{Path, PathBuf};

use crate::{
    error::{Error, Result},
    eval::table,
    files, paths, shown,
    signature::Signature,
};

/// The largest list that is read, in bytes.
const LIMIT: u64 = 256 << 20;

/// Titles, in small letters, of the column that has the images.
const TITLES: [&str; 14] = [
    "path",
    "paths",
    "source",
    "file",
    "files",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "images",
    "image_path",
    "img",
    "img_path",
];

/// How many blanks from the end of a line may come before further columns.
const BLANKS: usize = 3;

/// What one line of a list may mean, likeliest first; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line(pub Vec<Vec<u8>>);

/// Whether a path is that of a list.
pub(super) fn is_list(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("txt" | "csv" | "tsv")) && path.is_file()
}

/// The lines of a list that name something. UTF-8, UTF-16 with its mark, and names of any other bytes.
///
/// A line is a path, in quotes or not; in a `.csv` or `.tsv`, and below a header such as `id;path`, it is the column
/// of that title or the first one, separated by a comma, a semicolon or a tab. Elsewhere a second column is passed
/// over if there is nothing whose name is the whole line. Empty lines don't count.
///
/// # Errors
/// When it can't be read, has more than 256 MiB, or is no text.
pub(super) fn lines(list: &Path) -> Result<Vec<Line>> {
    let bytes = files::read(list, LIMIT).map_err(|error| Error::io("read", list, error))?;
    let text = text(bytes).map_err(|reason| no_text(list, reason))?;
    let extension = list.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let lines = match table_of(&text, matches!(extension.as_deref(), Some("csv" | "tsv"))) {
        Some((rows, column)) => rows.into_iter().filter_map(|row| of_field(row.get(column)?)).collect(),
        None => text.lines().filter_map(of_line).collect(),
    };
    Ok(lines)
}

fn no_text(list: &Path, reason: String) -> Error {
    Error::new(format!("{} is not a list of images: {reason}", shown::path(list)))
        .help("a list is a text file with a path a line, in UTF-8 or UTF-16")
}

/// The list with a character for each byte, so that no byte is lost.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    let two = |pair: &[u8], of: fn([u8; 2]) -> u16| of([pair[0], pair[1]]);
    let wide = |of: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes[2..].chunks_exact(2).map(|pair| two(pair, of)).collect()
    };
    let bytes = match &bytes[..] {
        [0xff, 0xfe, ..] => utf_16(&wide(u16::from_le_bytes))?,
        [0xfe, 0xff, ..] => utf_16(&wide(u16::from_be_bytes))?,
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        _ => bytes,
    };
    if bytes.contains(&0) {
        let kind = Signature::of(&bytes).map(|kind| format!("it is {kind}"));
        return Err(kind.unwrap_or_else(|| "it has zero bytes, which text never has".to_owned()));
    }
    Ok(bytes.into_iter().map(char::from).collect())
}

fn utf_16(units: &[u16]) -> Result<Vec<u8>, String> {
    String::from_utf16(units).map(String::into_bytes).map_err(|_| "its UTF-16 is damaged".to_owned())
}

/// The rows and the column with the images, if the list is a table: by its ending, or because it has a title.
fn table_of(text: &str, is_table: bool) -> Option<(Vec<Vec<String>>, usize)> {
    let first = text.lines().find(|line| !line.trim_ascii().is_empty())?;
    let separator = first_separator(first);
    let titles = table::rows(first, separator.unwrap_or(',')).into_iter().next().unwrap_or_default();
    let is_title = |field: &String| TITLES.contains(&field.trim_ascii().to_lowercase().as_str());
    let column = titles.iter().position(is_title);
    if column.is_none() && !is_table {
        return None;
    }
    let mut rows = table::rows(text, separator.unwrap_or(','));
    if column.is_some() {
        let title = rows.iter().position(|row| row.iter().any(|field| !field.trim_ascii().is_empty()))?;
        rows.drain(..=title);
    }
    Some((rows, column.unwrap_or(0)))
}

/// The first comma, semicolon or tab outside of quotes.
fn first_separator(line: &str) -> Option<char> {
    let mut quoted = false;
    line.chars().find(|char| {
        quoted ^= *char == '"';
        !quoted && matches!(char, ',' | ';' | '\t')
    })
}

/// A field of a table; one that begins with an apostrophe may be of a table that Kiln wrote.
fn of_field(field: &str) -> Option<Line> {
    let trimmed = field.trim_ascii();
    let mut line = Line::new([field, trimmed])?;
    line.add(trimmed.strip_prefix('\'').unwrap_or(trimmed));
    line.add_escaped(trimmed);
    Some(line)
}

fn of_line(text: &str) -> Option<Line> {
    let trimmed = text.trim_ascii();
    let mut line = Line::new([text, trimmed])?;
    line.add(unquoted(trimmed));
    for separator in ['\t', ';', ','] {
        if trimmed.contains(separator) {
            let row = table::rows(trimmed, separator).into_iter().next().unwrap_or_default();
            row.first().into_iter().for_each(|field| line.add(unquoted(field.trim_ascii())));
        }
    }
    for (blank, _) in trimmed.rmatch_indices([' ', '\t']).take(BLANKS) {
        line.add(unquoted(trimmed[..blank].trim_ascii()));
    }
    line.add_escaped(trimmed);
    Some(line)
}

fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

impl Line {
    fn new<const N: usize>(readings: [&str; N]) -> Option<Self> {
        let mut line = Self(Vec::new());
        readings.into_iter().for_each(|text| line.add(text));
        (!line.0.is_empty()).then_some(line)
    }

    /// Adds a reading, if it is a new one.
    fn add(&mut self, text: &str) {
        let bytes: Vec<u8> = text.chars().map(|char| char as u8).collect();
        if !text.trim_ascii().is_empty() && !self.0.contains(&bytes) {
            self.0.push(bytes);
        }
    }

    /// Adds what a text means as Kiln's outputs write paths.
    fn add_escaped(&mut self, text: &str) {
        if !text.contains('\\') {
            return;
        }
        let bytes: Vec<u8> = text.chars().map(|char| char as u8).collect();
        let Ok(text) = String::from_utf8(bytes) else { return };
        let path: PathBuf = paths::from_text(&text);
        self.0.push(path.as_os_str().as_encoded_bytes().to_vec());
    }

    /// Whether it is a remark, unless something is called so.
    pub(super) fn is_remark(&self) -> bool {
        self.0[0].trim_ascii_start().starts_with(b"#")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each line, the readings.
    fn readings(name: &str, content: &[u8]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let text = |bytes: &Vec<u8>| shown::path(&paths::of_bytes(bytes.clone()));
        let shown = |line: Line| line.0.iter().map(text).collect::<Vec<_>>().join(" | ");
        lines(&path).unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn a_line_may_be_quoted_and_have_more_columns() {
        let list = b"a b.png\n\n\"c d.png\" 3\r\n'e.png'\nf.png\tcat\ng.png;1;2\nh.png, 0.5\n\xff.png\n";
        insta::assert_snapshot!(readings("list.txt", list).join("\n"), @r#"
        a b.png | a
        "c d.png" 3 | c d.png | "c
        'e.png' | e.png
        f.png\tcat | f.png
        g.png;1;2 | g.png
        h.png, 0.5 | h.png | h.png,
        \xff.png
        "#);
    }

    #[test]
    fn tables_have_separators_of_all_countries_and_titles() {
        for list in ["path,label\n\"a,1.png\",x\n", "id;Path\n7;a,1.png\n", "label\tfile_name\nx\ta,1.png\n"]
        {
            assert_eq!(readings("list.csv", list.as_bytes()), ["a,1.png"], "{list}");
            assert_eq!(readings("list.txt", list.as_bytes()), ["a,1.png"], "{list}");
        }
        assert_eq!(readings("list.csv", b"a.png,x\nb.png,y"), ["a.png", "b.png"]);
        // Its last byte is a blank in other encodings.
        assert_eq!(readings("list.csv", "voilà ,x\n".as_bytes()), ["voilà  | voilà"]);
        assert_eq!(readings("list.csv", b"path,class\n'=b.png,3\n"), ["'=b.png | =b.png"]);
        assert_eq!(readings("list.csv", b"path\nm\\xfcll.png\n"), ["m\\xfcll.png | m\\xfcll.png"]);
    }

    #[test]
    fn other_encodings_are_read_or_named() {
        let wide =
            |text: &str, of: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(of).collect() };
        for bytes in
            [wide("\u{feff}ä.png\r\n", u16::to_le_bytes), wide("\u{feff}ä.png\r\n", u16::to_be_bytes)]
        {
            assert_eq!(readings("list.txt", &bytes), ["ä.png"]);
        }
        assert_eq!(readings("list.txt", b"\xef\xbb\xbfa.png"), ["a.png"]);
        assert_eq!(text(b"a\0.\0p\0".to_vec()).unwrap_err(), "it has zero bytes, which text never has");
        assert_eq!(text(b"PK\x03\x04\0\0".to_vec()).unwrap_err(), "it is a zip archive");
    }

    #[test]
    fn a_line_of_blanks_makes_few_readings() {
        assert!(of_line(&"a ".repeat(100_000)).unwrap().0.len() < 9);
    }
}
