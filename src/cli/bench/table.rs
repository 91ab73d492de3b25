//! What was measured, as a table and as data.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    bench::{Machine, Row},
    cli::{
        json, output,
        overview::{Overview, OverviewFormat},
    },
    width,
};

/// The columns, in their order; one is left out where no row has it.
const COLUMNS: [&str; 14] = [
    "model",
    "format",
    "pixels",
    "top1",
    "top5",
    "ms",
    "ms_p95",
    "ms_decode",
    "peak_mb",
    "file_mb",
    "parameters",
    "gflops",
    "device",
    FAULT,
];
/// The column that as text stands below the table: it has whole sentences.
const FAULT: &str = "fault";

/// Models, and what was measured of them, as `kiln bench --json` prints them.
#[derive(Serialize, JsonSchema)]
pub(in crate::cli) struct Benchmarked {
    /// What was measured with.
    pub(super) machine: Machine,
    /// How many images went through the networks at once.
    pub(super) batch: usize,
    /// A model in a format each.
    pub(super) rows: Vec<Row>,
}

impl Benchmarked {
    /// Prints it on standard output. In CSV, what was measured with has no place, and is told beside it.
    pub(super) fn print(&self, format: OverviewFormat) {
        let table = || self.table(format).written(format, width::of_stdout());
        match format {
            OverviewFormat::Json => json::print(self),
            OverviewFormat::Csv => {
                output::aside(&self.head());
                print!("{}", table());
            }
            OverviewFormat::Markdown => print!("{}\n\n{}", self.head(), table()),
            OverviewFormat::Text => {
                output::prose(&format!("{}\n\n", self.head()));
                print!("{}", table());
                self.faults().iter().for_each(|line| output::prose(&format!("{line}\n")));
            }
        }
    }

    /// What was measured with, in a sentence.
    fn head(&self) -> String {
        let machine = &self.machine;
        let each = if self.batch == 1 { "one image".to_owned() } else { format!("{} images", self.batch) };
        format!("{machine}; {each} at a time")
    }

    fn table(&self, format: OverviewFormat) -> Overview {
        let rows: Vec<Map<String, Value>> = self.rows.iter().map(data).collect();
        let is_told = |column: &&str| match *column {
            FAULT if format == OverviewFormat::Text => false,
            column => rows.iter().any(|row| row.contains_key(column)),
        };
        let columns: Vec<&str> = COLUMNS.into_iter().filter(is_told).collect();
        let cells = |row: &Map<String, Value>| {
            columns.iter().map(|column| row.get(*column).cloned().unwrap_or_default()).collect()
        };
        Overview {
            rows: rows.iter().map(cells).collect(),
            columns: columns.into_iter().map(str::to_owned).collect(),
        }
    }

    fn faults(&self) -> Vec<String> {
        let line = |row: &Row| Some(format!("{} ({}): {}", row.model, row.format, row.fault.as_ref()?));
        self.rows.iter().filter_map(line).collect()
    }
}

/// A row by its columns.
fn data(row: &Row) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(data)) => data,
        other => unreachable!("a row is an object of plain data, not {other:?}"),
    }
}

/// What is told of a row as soon as it is there.
pub(super) fn lines(row: &Row) -> Vec<String> {
    let Row { model, format, measured, fault } = row;
    let remarks = measured.iter().flat_map(|measured| &measured.remarks);
    let said = match (measured, fault) {
        (Some(measured), _) => format!("{} ms an image", measured.ms),
        (None, Some(fault)) => fault.clone(),
        (None, None) => String::new(),
    };
    let all = std::iter::once(said).chain(remarks.map(|remark| format!("warning: {remark}")));
    all.map(|line| crate::shown::text(&format!("{model} ({format}): {line}")).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bench::Measured, device_name::DeviceName, error::Error};

    fn benchmarked() -> Benchmarked {
        let measured = Measured {
            pixels: 64,
            top1: Some(0.7875),
            ms: 1.234,
            ms_p95: 2.5,
            peak_mb: Some(31.5),
            file_mb: 6.17,
            parameters: 1_543_914,
            gflops: 0.0346,
            device: "cpu".to_owned(),
            remarks: vec!["images left out: 2".to_owned()],
            ..Measured::default()
        };
        let refused = Error::new("no operation of it is GELU").help("take another format");
        let rows = vec![Row::new("best.pt", "kiln", Ok(measured)), Row::new("best.pt", "ncnn", Err(refused))];
        Benchmarked { machine: Machine::this(DeviceName::Cpu, 2), batch: 1, rows }
    }

    #[test]
    fn one_table_in_three_formats() {
        let benchmarked = benchmarked();
        let all = [OverviewFormat::Text, OverviewFormat::Markdown, OverviewFormat::Csv];
        let written = all.map(|format| benchmarked.table(format).written(format, None));
        insta::assert_snapshot!(format!("{}\n{}", written.join("\n"), benchmarked.faults().join("\n")));
    }

    #[test]
    fn every_number_has_its_column() {
        let all = Measured {
            top1: Some(0.0),
            top5: Some(0.0),
            ms_decode: Some(0.0),
            peak_mb: Some(0.0),
            ..Measured::default()
        };
        let row = data(&Row::new("m", "kiln", Ok(all)));
        let missing: Vec<&String> = row.keys().filter(|key| !COLUMNS.contains(&key.as_str())).collect();
        assert!(missing.is_empty() && row.len() == COLUMNS.len() - 1, "{missing:?}");
    }

    #[test]
    fn a_row_is_told_when_it_is_there() {
        let lines: Vec<String> = benchmarked().rows.iter().flat_map(lines).collect();
        let expected = [
            "best.pt (kiln): 1.234 ms an image",
            "best.pt (kiln): warning: images left out: 2",
            "best.pt (ncnn): no operation of it is GELU; take another format",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_head_says_what_counts() {
        assert!(benchmarked().head().ends_with("; device cpu; one image at a time"));
    }
}
