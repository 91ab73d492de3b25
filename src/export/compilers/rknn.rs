//! RKNN files, for the neural processors of Rockchip's chips.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Carrier, Compiler};
use crate::export::{Choice, Content, Format, Options, onnx::ONNX};

/// The format.
pub(in crate::export) const RKNN: Format = Format {
    name: "rknn",
    title: "RKNN",
    about: "RKNN, for the neural processor of a Rockchip chip (`chip`). Runs Rockchip's toolkit for Python, by `python3`.",
    file: "model_rknn_model",
    content: Content::Compiled(Compiler {
        input: &ONNX,
        choices: &[Choice::Chip],
        needs: Some(Choice::Chip),
        program: "python3",
        brings: "the first `python3` on PATH must have the toolkit: `pip install rknn-toolkit2`, for Python 3.8 to 3.12 on \
                 Linux",
        arguments: |options: Options, _| {
            let chip = options.chip.map(Chip::name);
            ["convert.py"].into_iter().chain(chip).map(str::to_owned).collect()
        },
        script: Some(("convert.py", include_str!("rknn/convert.py"))),
        makes: "model.rknn",
        mark: Some((0, b"RKNN")),
        carrier: Carrier::Folder,
        remark: Some(
            "the chip computes in 16 bits, which moved a probability by up to 0.0025 in the simulator",
        ),
    }),
};

/// A chip of Rockchip's with a neural processor that the toolkit writes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "a chip's name says all")]
pub enum Chip {
    Rk3562,
    Rk3566,
    Rk3568,
    Rk3576,
    Rk3588,
    Rv1126b,
}

impl Chip {
    /// As a pipeline file and the toolkit call it.
    fn name(self) -> &'static str {
        match self {
            Self::Rk3562 => "rk3562",
            Self::Rk3566 => "rk3566",
            Self::Rk3568 => "rk3568",
            Self::Rk3576 => "rk3576",
            Self::Rk3588 => "rk3588",
            Self::Rv1126b => "rv1126b",
        }
    }
}
