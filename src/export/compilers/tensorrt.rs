//! TensorRT engines, for one kind of NVIDIA's graphics processors.

use super::{Carrier, Compiler};
use crate::export::{Choice, Content, Format, Options, Precision, onnx::ONNX};

/// The format.
pub(in crate::export) const ENGINE: Format = Format {
    name: "engine",
    title: "TensorRT",
    about: "TensorRT, for the NVIDIA graphics processor of this machine. Runs TensorRT's own compiler, `trtexec`.",
    file: "model.engine",
    content: Content::Compiled(Compiler {
        input: &ONNX,
        choices: &[Choice::DynamicBatch, Choice::Precision, Choice::Workspace],
        needs: None,
        program: "trtexec",
        brings: "it comes with TensorRT: NVIDIA's archive of it, or the package `libnvinfer-bin` of NVIDIA's own package \
                 source; put its folder on PATH",
        arguments,
        script: None,
        makes: "made.engine",
        mark: None,
        carrier: Carrier::Head,
        remark: None,
    }),
};

/// How many images at once an engine for any number is made for: at most, and best.
const MOST: usize = 16;

fn arguments(options: Options, size: usize) -> Vec<String> {
    let mut arguments = vec![
        "--onnx=model.onnx".to_owned(),
        "--saveEngine=made.engine".to_owned(),
        "--skipInference".to_owned(),
    ];
    if options.precision == Precision::Fp16 {
        arguments.push("--fp16".to_owned());
    }
    // In MiB.
    arguments
        .extend(options.workspace.map(|gib| format!("--memPoolSize=workspace:{}", u64::from(gib) * 1024)));
    if options.dynamic_batch {
        let shapes = [("min", 1), ("opt", MOST), ("max", MOST)];
        arguments
            .extend(shapes.map(|(which, batch)| format!("--{which}Shapes=images:{batch}x3x{size}x{size}")));
    }
    arguments
}
