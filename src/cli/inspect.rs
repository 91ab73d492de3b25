//! `kiln inspect`: an architecture row by row, and what it costs.

use std::path::{Path, PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{check, json};
use crate::{
    arch::{Arch, Costs},
    error::{Error, Result},
    eval::classifier::arch_of,
    nodes::arch,
    plan::Rejected,
    shown,
    spec::MessageFormat,
    weights,
};

/// The size where neither the command line nor the model says one, in pixels.
const SIZE: usize = 224;
/// What stands above the rows.
const TITLES: [&str; 7] = ["row", "from", "n", "parameters", "module", "arguments", "output"];

/// What `kiln inspect` is asked.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// An architecture such as yolo11n-cls, a model YAML, or a model: .safetensors or .pt
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Side of the square images in pixels; the model's own, or 224, unless given
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub size: Option<u32>,
    /// How many classes the head tells apart; the model's own, or 1000, unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub classes: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Prints the rows, their sum, and the operations of one image.
///
/// # Errors
/// If there is no such model, or it makes no network.
pub fn inspect(args: &InspectArgs, format: MessageFormat) -> Result<()> {
    let classes = args.classes.map(|classes| classes as usize);
    let (arch, own_size) = find(&args.model, classes, format)?;
    let size = args.size.map(|size| size as usize).or(own_size).unwrap_or(SIZE);
    let costs = Costs::of(&arch, size)?;
    if args.json {
        json::print(&as_data(&arch, &costs, size));
    } else {
        print!("{}", as_text(&arch, &costs, size));
    }
    Ok(())
}

/// The architecture that `model` means, and the size that it was trained on.
///
/// # Errors
/// If there is no such architecture, or a file is not one of a whole model.
pub(super) fn find(
    model: &str,
    classes: Option<usize>,
    format: MessageFormat,
) -> Result<(Arch, Option<usize>)> {
    let path = PathBuf::from(model);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ["yaml", "yml"].contains(&ending) {
        return Ok((model_yaml(&path, classes, format)?, None));
    }
    if ["bpk", "pt", "pth", "safetensors"].contains(&ending) || path.is_file() {
        let file = weights::read(&path)?;
        let own = arch_of(&file).map_err(|error| {
            let help = error.hint().unwrap_or("name its architecture instead").to_owned();
            Error::new(format!("{} is not a whole model: {error}", shown::path(&path))).help(help)
        })?;
        let arch = match classes {
            Some(classes) => Arch::parse(&own.name, &own.text, classes)?,
            None => own,
        };
        return Ok((arch, file.size));
    }
    let text = Arch::built_in_text(model)?;
    Ok((Arch::built_in(model, classes.or_else(|| Arch::default_classes(text)).unwrap_or(1000))?, None))
}

fn model_yaml(path: &Path, classes: Option<usize>, format: MessageFormat) -> Result<Arch> {
    arch::read(path, classes).map_err(|mistaken| {
        let arch::Mistaken { source, problems } = *mistaken;
        let rejected = Rejected { source, problems };
        check::show(&rejected, format);
        rejected.error()
    })
}

/// What stands in a row's columns.
fn cells(arch: &Arch, costs: &Costs, i: usize) -> [String; 7] {
    let row = &arch.rows[i];
    let output: Vec<String> = costs.shapes[i].iter().map(usize::to_string).collect();
    let arguments: Vec<String> = row.arguments.iter().map(argument).collect();
    [
        i.to_string(),
        "-1".to_owned(),
        row.repeats.to_string(),
        grouped(costs.rows[i].parameters),
        shown::text(&row.module).into_owned(),
        format!("[{}]", shown::text(&arguments.join(", "))),
        output.join("×"),
    ]
}

/// An argument as a model YAML has it.
fn argument(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn as_text(arch: &Arch, costs: &Costs, size: usize) -> String {
    let mut lines = vec![TITLES.map(str::to_owned)];
    lines.extend((0..arch.rows.len()).map(|i| cells(arch, costs, i)));
    let widths: [usize; 7] =
        std::array::from_fn(|i| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0));
    let mut text = format!("{}, {} classes, {size} pixels\n\n", shown::text(&arch.name), arch.classes);
    for line in &lines {
        text.push_str(&format!("{}\n", aligned(line, widths).trim_end()));
    }
    text.push('\n');
    text.push_str(&totals(costs, size));
    arch.notes().iter().for_each(|note| text.push_str(&format!("note: {}\n", shown::text(note))));
    text
}

/// Numbers to the right, words to the left.
fn aligned(line: &[String; 7], widths: [usize; 7]) -> String {
    let cell = |(i, cell): (usize, &String)| match i {
        0..=3 => format!("{cell:>width$}", width = widths[i]),
        _ => format!("{cell:<width$}", width = widths[i]),
    };
    line.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ")
}

fn totals(costs: &Costs, size: usize) -> String {
    let total = &costs.total;
    let line = |name: &str, layers: usize, parameters: u64| {
        format!("{name:<13}{layers} layers, {} parameters", grouped(parameters))
    };
    format!(
        "{}, {:.4} GFLOPs at {size} pixels\n{}\n",
        line("total", total.layers, total.parameters),
        total.gflops(),
        line("norms folded", total.folded_layers, total.folded_parameters)
    )
}

/// The number with a comma between groups of three digits: `2812104` as `2,812,104`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A network and what it costs, as `kiln inspect --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Inspected {
    /// The name of the architecture.
    name: String,
    /// How many classes the head tells apart.
    classes: usize,
    /// The side of the square images, in pixels.
    size: usize,
    /// How many numbers are learned.
    parameters: u64,
    /// How many layers there are.
    layers: usize,
    /// Operations for one image, in 10⁹.
    gflops: f64,
    /// The same with norms folded into convolutions.
    folded: Folded,
    /// The rows of the model YAML.
    rows: Vec<InspectedRow>,
    /// What somebody who uses the architecture should know.
    notes: Vec<&'static str>,
}

/// A network with its norms folded into its convolutions.
#[derive(Serialize, JsonSchema)]
struct Folded {
    /// How many numbers there are.
    parameters: u64,
    /// How many layers there are.
    layers: usize,
}

/// A row of a model YAML.
#[derive(Serialize, JsonSchema)]
struct InspectedRow {
    /// Its number, from 0.
    row: usize,
    /// Where its input comes from: -1 is the row before.
    from: i32,
    /// How often its module comes.
    repeats: usize,
    /// How many numbers are learned in it.
    parameters: u64,
    /// How many layers it has.
    layers: usize,
    /// Its operations for one image, in 10⁹.
    gflops: f64,
    /// The module.
    module: String,
    /// The module's arguments, scaled.
    arguments: Vec<Value>,
    /// The shape of what it gives: channels, height, width; or classes.
    output: Vec<usize>,
}

fn as_data(arch: &Arch, costs: &Costs, size: usize) -> Inspected {
    let row = |(i, row): (usize, &crate::arch::Row)| InspectedRow {
        row: i,
        from: -1,
        repeats: row.repeats,
        parameters: costs.rows[i].parameters,
        layers: costs.rows[i].layers,
        gflops: costs.rows[i].gflops(),
        module: row.module.clone(),
        arguments: row.arguments.clone(),
        output: costs.shapes[i].clone(),
    };
    let total = &costs.total;
    Inspected {
        name: arch.name.clone(),
        classes: arch.classes,
        size,
        parameters: total.parameters,
        layers: total.layers,
        gflops: total.gflops(),
        folded: Folded { parameters: total.folded_parameters, layers: total.folded_layers },
        rows: arch.rows.iter().enumerate().map(row).collect(),
        notes: arch.notes(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(model: &str, classes: Option<usize>, size: usize) -> String {
        let (arch, _) = find(model, classes, MessageFormat::Human).unwrap();
        as_text(&arch, &Costs::of(&arch, size).unwrap(), size)
    }

    #[test]
    fn an_architecture_reads_like_this() {
        insta::assert_snapshot!(text("yolo11n-cls", Some(10), 224));
    }

    #[test]
    fn notes_come_last() {
        insta::assert_snapshot!(text("yolo11-cls-resnet18", None, 224));
    }

    #[test]
    fn json_says_the_same() {
        let arch = Arch::built_in("yolo12l-cls", 10).unwrap();
        let value = json::object(&as_data(&arch, &Costs::of(&arch, 64).unwrap(), 64));
        assert_eq!((&value["layers"], &value["folded"]["layers"]), (&json!(312), &json!(190)));
        let row = json!([512, 512, 4, true, 4, true, 1.2]);
        assert_eq!(
            (&value["rows"][6]["arguments"], &value["rows"][6]["output"]),
            (&row, &json!([512, 4, 4]))
        );
    }

    #[test]
    fn a_models_file_says_its_classes_and_a_wrong_name_its_neighbour() {
        let (arch, _) = find("tests/fixtures/weights/tiny-yolo12.pt", None, MessageFormat::Human).unwrap();
        assert_eq!(arch.classes, 4);
        let error = find("yolo11z-cls", None, MessageFormat::Human).unwrap_err();
        assert_eq!(error.to_string(), "there is no architecture `yolo11z-cls`");
        assert!(error.hint().unwrap().starts_with("did you mean"));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 2_812_104].map(grouped), ["0", "999", "1,000", "2,812,104"]);
    }
}
