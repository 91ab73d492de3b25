//! LiteRT files for Google's Edge TPU (Coral).

use super::{Carrier, Compiler};
use crate::export::{Content, Format, tflite::TFLITE};

/// The format.
pub(in crate::export) const EDGETPU: Format = Format {
    name: "edgetpu",
    title: "Edge TPU",
    about: "LiteRT for Google's Edge TPU (Coral). Runs Google's own compiler, `edgetpu_compiler`.",
    file: "model_edgetpu.tflite",
    content: Content::Compiled(Compiler {
        input: &TFLITE,
        choices: &[],
        needs: None,
        obstacle: Some("the Edge TPU takes networks in 8 bits alone, and Kiln gives its compiler none"),
        program: "edgetpu_compiler",
        brings: "it comes from Google's own package source for Coral, for Linux on x86-64; put it on PATH",
        arguments: |_, _| ["-s", "-o", ".", "model.tflite"].map(str::to_owned).to_vec(),
        script: None,
        makes: "model_edgetpu.tflite",
        mark: Some((4, b"TFL3")),
        carrier: Carrier::Archive,
        remark: Some("attention is left to the processor: the Edge TPU has no product of matrices"),
    }),
};
