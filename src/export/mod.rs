//! HANDING OVER: models as files for other programs, and the proof that they say the same.
//!
//! A [`Format`] is one file here and one line in [`FORMATS`]. Formats of the weights alone take a
//! [`ModelFile`](crate::weights::ModelFile) and are proven by being read back. Formats of a network take a [`Model`],
//! write its [`lowered`] operators, and are proven by an [`Engine`]: a reader makes operators of the
//! written file again ([`Exported`]), and the interpreter runs them. What another company's [`Compiler`] makes of such a
//! file is not run.

mod burnpack;
mod card;
mod channels_last;
mod compilers;
mod coreml;
mod engine;
mod executorch;
mod exported;
mod flatbuffer;
mod folder;
mod format;
mod formats;
mod free_names;
mod identifiers;
mod include;
mod input_file;
mod interface;
mod interpreter;
mod layout;
mod lower;
pub mod lowered;
mod metadata;
mod mnn;
mod model;
mod ncnn;
mod onnx;
mod openvino;
mod options;
mod output_file;
mod paddle;
mod pb;
mod precision;
mod pt;
mod read_back;
mod safetensors;
pub mod sample_images;
mod saved_model;
mod spellings;
mod tensor_names;
mod tensorflow;
mod tfjs;
mod tflite;
mod told;
mod torchscript;
mod usable;
mod verification;
pub mod verify;

#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;

pub use self::{
    card::{Card, Origin, Written},
    compilers::{Chip, Compiler, External, workplace},
    engine::Engine,
    exported::Exported,
    format::{Content, FORMATS, Format, NetworkFormat},
    formats::Formats,
    include::Include,
    layout::Layout,
    model::Model,
    onnx::{OLDEST_PREPARING_OPSET, OPSETS},
    options::{Choice, OptionFault, Options},
    output_file::OutputFile,
    precision::Precision,
    read_back::read_back,
    told::Told,
    usable::Usable,
    verification::Verification,
};
