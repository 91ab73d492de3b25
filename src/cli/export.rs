//! `kiln export`: a model as files for other programs, in one line.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};
use serde_json::{Map, Value, json};

use super::{
    flags::flag_of,
    key_flags,
    oneliner::{self, CommonArgs, Show, execute, pipeline, tell},
};
use crate::{
    error::Result,
    export::{FORMATS, Format},
    node::Kind,
    nodes::export::Export,
    spec::{MessageFormat, PipelineSpec},
};

/// What `kiln export` is asked.
#[derive(Debug, Clone, Args)]
#[command(after_help = table())]
pub struct ExportArgs {
    /// Trained model: a .safetensors or .bpk of Kiln's, or a .pt
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    #[arg(id = FORMAT, long = FORMAT, value_name = "FORMAT,…", required = true, value_delimiter = ',')]
    #[arg(help = format!("What to write: {}, or several", Format::listed()))]
    pub formats: Vec<String>,
    #[command(flatten)]
    pub keys: ExportKeys,
    /// Print where the results are, and metrics, as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The kind whose keys are flags.
const KIND: Kind = Kind::of::<Export>();
/// The key whose flag takes names alone.
const FORMAT: &str = "format";

/// The other keys of an export node, by flag ([`key_flags`]).
#[derive(Debug, Clone, Default)]
pub struct ExportKeys(Map<String, Value>);

impl Args for ExportKeys {
    fn augment_args(command: clap::Command) -> clap::Command {
        // Only who exports waits for the flags to be made.
        command.defer(|command| {
            let flags = key_flags::flags(&KIND, &[]).into_iter().filter(|flag| flag.get_id() != FORMAT);
            command.args(flags.map(|flag| key_flags::switched(flag).hide_short_help(false)))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ExportKeys {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(key_flags::given_but(FORMAT, &KIND, matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(key_flags::given_but(FORMAT, &KIND, matches));
        Ok(())
    }
}

/// The formats: what is written, what it is for, and which flags it has.
fn table() -> String {
    let of = |format: &Format| {
        let flags: Vec<String> = format.choices().iter().map(|choice| flag_of(choice.key())).collect();
        let flags = if flags.is_empty() { "none".to_owned() } else { flags.join(", ") };
        let about = format.about.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("\n  {} ({})\n      {about}\n      Flags: {flags}", format.name, format.file)
    };
    format!("Formats:{}", FORMATS.iter().map(of).collect::<String>())
}

/// Exports a model.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn export(args: &ExportArgs, format: MessageFormat) -> Result<()> {
    if let Some(results) = execute("export", spec(args)?, &args.common, Show::of(args.json), format)? {
        tell(&results, &["out"], args.json);
    }
    Ok(())
}

/// The pipeline that the command stands for.
fn spec(args: &ExportArgs) -> Result<PipelineSpec> {
    let formats = match &args.formats[..] {
        [one] => json!(one),
        all => json!(all),
    };
    let mut out = Map::from_iter([("model".to_owned(), json!("net")), (FORMAT.to_owned(), formats)]);
    out.extend(args.keys.0.clone());
    let nodes = vec![
        ("net", "model", json!({ "weights": oneliner::text(&args.model)? })),
        ("out", "export", out.into()),
    ];
    let name = format!("{}-{}", oneliner::name("export", &args.model), args.formats.join("-"));
    Ok(pipeline(&name, 0, nodes))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ExportArgs,
    }

    fn yaml(line: &str) -> String {
        let words = std::iter::once("kiln").chain(line.split(' '));
        spec(&Line::parse_from(words).args).unwrap().to_yaml()
    }

    #[test]
    fn the_shortest_command() {
        insta::assert_snapshot!(yaml("no/best.safetensors --format onnx"), @r"
        version: 1
        name: export-no-best-onnx
        seed: 0
        nodes:
          net:
            type: model
            weights: no/best.safetensors
          out:
            type: export
            model: net
            format: onnx
        ");
    }

    #[test]
    fn every_argument_has_its_key() {
        let line = "--dynamic-batch no/best.pt --format onnx,pt --precision fp16 --opset 18 --size 64";
        insta::assert_snapshot!(yaml(line), @r"
        version: 1
        name: export-no-best-onnx-pt
        seed: 0
        nodes:
          net:
            type: model
            weights: no/best.pt
          out:
            type: export
            model: net
            format:
            - onnx
            - pt
            dynamic_batch: true
            precision: fp16
            opset: 18
            size: 64
        ");
        assert!(yaml("no/best.pt --format onnx --dynamic-batch=false").contains("dynamic_batch: false"));
    }

    #[test]
    fn the_table_has_every_format_and_its_flags() {
        let table = table();
        assert!(FORMATS.iter().all(|format| table.contains(&format!("  {} ({})", format.name, format.file))));
        assert!(table.contains("Flags: --dynamic-batch, --precision, --opset, --include\n"));
    }
}
