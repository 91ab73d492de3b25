//! Networks for Axelera's Metis processors.

use super::{Carrier, Compiler};
use crate::export::{Content, Format, onnx::ONNX};

/// The format.
pub(in crate::export) const AXELERA: Format = Format {
    name: "axelera",
    title: "Axelera",
    about: "For Axelera's Metis processors. Runs the `compile` of Axelera's Voyager SDK.",
    file: "model_axelera_model",
    content: Content::Compiled(Compiler {
        input: &ONNX,
        choices: &[],
        needs: None,
        program: "compile",
        brings: "it comes with Axelera's Voyager SDK, from Axelera's own package source; put its folder on PATH",
        arguments: |_, _| ["-i", "model.onnx", "-o", "made"].map(str::to_owned).to_vec(),
        script: None,
        makes: "made",
        mark: None,
        carrier: Carrier::Folder,
        remark: Some(
            "the compiler chose its 8 bits by noise: give it images by `external` and its `--imageset`",
        ),
    }),
};
