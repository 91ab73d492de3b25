//! An overview: values in a table, as text, Markdown, CSV or JSON.

use serde_json::{Map, Value};

use super::json;
use crate::{eval::table::Table, shown, width};

/// How a table is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OverviewFormat {
    /// Columns in line, for people.
    #[default]
    Text,
    /// For a page or a pull request.
    Markdown,
    /// For a spreadsheet.
    Csv,
    /// For programs: an object for each row.
    Json,
}

/// Values under named columns; `Null` where there is none.
pub(super) struct Overview {
    /// The names of the columns.
    pub(super) columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub(super) rows: Vec<Vec<Value>>,
}

impl Overview {
    /// The table in a format, with an end of line.
    ///
    /// As text, columns that do not fit into `width` are named below.
    pub(super) fn written(&self, format: OverviewFormat, width: Option<usize>) -> String {
        match format {
            OverviewFormat::Text => self.text(width),
            OverviewFormat::Markdown => self.markdown(),
            OverviewFormat::Csv => self.csv(),
            OverviewFormat::Json => self.json().to_string() + "\n",
        }
    }

    fn text(&self, width: Option<usize>) -> String {
        let lines = self.lines();
        let widths: Vec<_> = (0..self.columns.len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let fitting = width.map_or(widths.len(), |width| fitting(&widths, width));
        let line = |line: &Vec<String>| {
            let cells = line.iter().zip(&widths[..fitting]).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let table: String = lines.iter().map(line).collect();
        match self.columns.len() - fitting {
            0 => table,
            more => table + &width::folded(&format!("{}\n", unshown(more, &lines[0][fitting..])), width, 2),
        }
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut lines = self
            .lines()
            .into_iter()
            .map(|line| line.iter().map(|cell| cell.replace('|', r"\|")).collect::<Vec<_>>());
        let head = lines.next().unwrap_or_default();
        let rule = vec!["---".to_owned(); head.len()];
        [line(&head), line(&rule)].into_iter().chain(lines.map(|cells| line(&cells))).collect()
    }

    fn csv(&self) -> String {
        let mut csv = Table::new(&self.columns);
        self.rows.iter().for_each(|row| csv.row(row.iter().map(plain)));
        csv.as_str().to_owned()
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            let cells = self.columns.iter().cloned().zip(row.iter().cloned());
            json::object(&cells.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }

    /// The head and the rows as people read them.
    fn lines(&self) -> Vec<Vec<String>> {
        let head = self.columns.iter().map(|name| shown::text(name).into_owned()).collect();
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().map(|value| shown::text(&rounded(value)).into_owned()).collect());
        std::iter::once(head).chain(rows).collect()
    }
}

/// How many columns of these widths go into a line, at least one.
fn fitting(widths: &[usize], width: usize) -> usize {
    let ends = widths.iter().scan(0, |end, width| {
        *end += width + 2;
        Some(*end - 2)
    });
    ends.take_while(|end| *end <= width).count().clamp(1, widths.len().max(1))
}

/// What is said of columns that are not shown.
fn unshown(count: usize, names: &[String]) -> String {
    format!("no room for {}: {}; `--format csv` has all", shown::count(count, "column"), shown::few(names))
}

/// A value without quotes; nothing where there is none.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As [`plain`], with four digits after the point of fractions that have more.
fn rounded(value: &Value) -> String {
    let text = plain(value);
    match value.as_f64() {
        Some(number) if text.len() > 8 && value.is_f64() => {
            if number.abs() < 1e-3 {
                format!("{number:.3e}")
            } else {
                format!("{number:.4}")
            }
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_table_in_four_formats() {
        let table = Overview {
            columns: vec!["name".into(), "fit.lr0".into(), "score.top1".into()],
            rows: vec![
                vec![json!("a|b\u{1b}"), json!(0.01), json!(0.812_345_678)],
                vec![json!("=c"), Value::Null, json!(0.000_001_234_5)],
            ],
        };
        let all = [OverviewFormat::Text, OverviewFormat::Markdown, OverviewFormat::Csv, OverviewFormat::Json];
        insta::assert_snapshot!(all.map(|format| table.written(format, None)).join("\n"));
        assert_eq!(
            table.written(OverviewFormat::Text, Some(29)),
            "name       fit.lr0\na|b\\u{1b}  0.01\n=c\nno room for 1 column:\n  score.top1; `--format csv`\n  has all\n"
        );
    }
}
