//! Comma-separated values as RFC 4180 has them, but with line feeds alone, and safe to open in a spreadsheet.
//!
//! A row is a line: characters that are not seen are escaped, such as `\n`. A field that a spreadsheet would take
//! for a formula, because it begins with `=`, `+`, `-` or `@` and is no number, has an apostrophe before it; one with
//! a separator of any country is in quotes. JSON files beside the tables have names as they are.

use std::fmt::Write as _;

use crate::shown;

/// A table that grows row by row and is written in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    text: String,
    columns: usize,
}

impl Table {
    /// A table with named columns and no rows.
    pub fn new<S: AsRef<str>>(header: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self { text: String::new(), columns: 0 };
        table.columns = table.push(header);
        table
    }

    /// Adds a row; it must have a field for every column.
    pub fn row<S: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = S>) {
        let count = self.push(fields);
        assert_eq!(count, self.columns, "a row has a field for every column");
    }

    /// The table as text: the header and the rows so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn push<S: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = S>) -> usize {
        let mut count = 0;
        for field in fields {
            if count > 0 {
                self.text.push(',');
            }
            quote(&mut self.text, field.as_ref());
            count += 1;
        }
        self.text.push('\n');
        count
    }
}

impl AsRef<[u8]> for Table {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// Appends a field, escaped and in quotes only where it needs to be.
fn quote(text: &mut String, field: &str) {
    let apostrophe = if is_formula(field) { "'" } else { "" };
    let field = shown::text(field);
    if field.contains([',', ';', '"']) {
        write!(text, "\"{apostrophe}{}\"", field.replace('"', "\"\"")).expect("a string takes any text");
    } else {
        text.push_str(apostrophe);
        text.push_str(&field);
    }
}

/// Whether a spreadsheet would work a field out instead of showing it.
fn is_formula(field: &str) -> bool {
    field.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        && field.parse::<f64>().is_err()
}

/// The fields of a text separated by `separator`, row by row; quotes may be left open at the end.
pub fn rows(text: &str, separator: char) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let row = rows.last_mut().expect("there is always a row");
        let field = row.last_mut().expect("there is always a field");
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            char if char == separator && !quoted => row.push(String::new()),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    if rows.last().is_some_and(|row| row.iter().all(String::is_empty) && row.len() == 1) {
        rows.pop();
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_quoted_only_where_they_need_it() {
        let mut table = Table::new(["path", "name"]);
        table.row(["a b.png", "say \"hi\", twice"]);
        assert_eq!(table.as_str(), "path,name\na b.png,\"say \"\"hi\"\", twice\"\n");
    }

    #[test]
    fn spreadsheets_find_no_formula_and_numbers_stay_numbers() {
        let mut table = Table::new(["path", "number"]);
        for path in ["=HYPERLINK(\"x\",1).png", "+1 2", "-a", "@SUM(1)", "\t=1", "a;=1", "a\nb", "'=1"] {
            table.row([path, "-0.5"]);
        }
        insta::assert_snapshot!(table.as_str());
    }

    #[test]
    #[should_panic(expected = "a row has a field for every column")]
    fn a_row_of_another_length_is_a_bug() {
        Table::new(["path", "name"]).row(["a.png"]);
    }

    #[test]
    fn line_ends_of_windows_are_read() {
        assert_eq!(rows("a,b\r\nc,d\r\n", ','), [["a", "b"], ["c", "d"]]);
        assert_eq!(rows("", ','), Vec::<Vec<String>>::new());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(cells in prop::collection::vec(prop::collection::vec("[a-zäÄ0-9,;\"' ]*", 3), 0..5)) {
            let mut table = Table::new(["a", "b", "c"]);
            for row in &cells {
                table.row(row);
            }
            prop_assert_eq!(&rows(table.as_str(), ',')[1..], &cells[..]);
        }

        #[test]
        fn no_cell_is_a_formula_and_a_row_is_a_line(cells in prop::collection::vec(any::<String>(), 3)) {
            let mut table = Table::new(["a", "b", "c"]);
            table.row(&cells);
            prop_assert_eq!(table.as_str().lines().count(), 2);
            for cell in &rows(table.as_str(), ',')[1] {
                prop_assert!(!is_formula(cell), "{}", cell);
                prop_assert!(!cell.chars().any(shown::is_hidden), "{}", cell);
            }
        }

        #[test]
        fn anything_can_be_read(text in any::<String>()) {
            rows(&text, ',');
        }
    }
}
