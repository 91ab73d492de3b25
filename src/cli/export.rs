//! `kiln export`: a model as a file for another program, in one line.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::oneliner::{self, CommonArgs, Show, execute, pipeline, tell};
use crate::{
    error::Result,
    export::Format,
    spec::{MessageFormat, PipelineSpec},
};

/// What `kiln export` is asked.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Trained model: a .safetensors or .bpk of Kiln's, or a .pt
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    #[arg(long, value_name = "FORMAT", help = format!("What to write: {}", Format::listed()))]
    pub format: String,
    /// Print where the results are, and metrics, as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: CommonArgs,
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
    let nodes = vec![
        ("net", "model", json!({ "weights": oneliner::text(&args.model)? })),
        ("out", "export", json!({ "model": "net", "format": args.format })),
    ];
    let name = format!("{}-{}", oneliner::name("export", &args.model), args.format);
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

    #[test]
    fn every_argument_has_its_key() {
        let line = ["kiln", "no/best.safetensors", "--format", "onnx"];
        insta::assert_snapshot!(spec(&Line::parse_from(line).args).unwrap().to_yaml(), @r"
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
}
