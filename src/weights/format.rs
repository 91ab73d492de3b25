//! Which format of weights a file has, told from its first bytes.

use super::{burnpack, legacy};
use crate::{
    error::{Error, Result},
    signature::Signature,
};

/// A format that Kiln reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// PyTorch's zip archive (`.pt`, since PyTorch 1.6).
    Torch,
    /// PyTorch's format from before 1.6.
    Legacy,
    /// safetensors (`.safetensors`): a JSON header, and bytes.
    Safetensors,
    /// burnpack (`.bpk`), burn's own format.
    Burnpack,
}

impl Format {
    /// Of a file that begins with `head`.
    ///
    /// # Errors
    /// What it is instead.
    pub(super) fn of(head: &[u8]) -> Result<Self> {
        match head {
            [b'P', b'K', 3, 4, ..] => Ok(Self::Torch),
            _ if legacy::is(head) => Ok(Self::Legacy),
            _ if burnpack::is(head) => Ok(Self::Burnpack),
            // The length of the header, of which the upper bytes are never needed, and the header.
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => Ok(Self::Safetensors),
            _ => Err(no_weights(head)),
        }
    }
}

/// Models of other programs, of which [`Signature`] does not know.
const OTHERS: [(usize, &[u8], &str); 5] = [
    (0, b"GGUF", "a GGUF file"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"\x80\x02", "a Python pickle, but not one of torch.save"),
    (0, b"\x80\x03", "a Python pickle, but not one of torch.save"),
    (0, b"\x80\x04", "a Python pickle, but not one of torch.save"),
];

fn no_weights(head: &[u8]) -> Error {
    let fits = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    let other = OTHERS.iter().find(|(at, bytes, _)| fits(*at, bytes)).map(|(.., name)| *name);
    // Protobuf: the version of the format, and then the name of who wrote it, its domain or the graph.
    let onnx = matches!(head, [0x08, 1..=20, 0x12 | 0x1a | 0x3a, ..]).then_some("an ONNX model");
    let text = || std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0')).then_some("a text file");
    let name = Signature::of(head).map(Signature::name).or(other).or(onnx).or_else(text);
    let Some(name) = name else {
        return Error::new("it is not a PyTorch archive, a safetensors file or a burnpack file");
    };
    let error = Error::new(format!("it is {name}"));
    match name {
        "an HTML page" | "an XML document" | "a JSON text" => {
            error.help("a server's answer was saved in place of the file: fetch the file itself")
        }
        "a Git LFS pointer" => error.help("`git lfs pull` fetches the file that it stands for"),
        "a git-annex pointer" => error.help("`git annex get` fetches the file that it stands for"),
        "an ONNX model" => {
            error.help("Kiln writes ONNX but does not read it: take the file it was made from")
        }
        "an empty file" | "a file of nothing but zeros" => {
            error.help("a copy or a download failed: get the file again")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_and_others_named() {
        assert_eq!(Format::of(b"PK\x03\x04").unwrap(), Format::Torch);
        assert_eq!(Format::of(b"NRUB\x01\0").unwrap(), Format::Burnpack);
        assert_eq!(Format::of(b"\x40\0\0\0\0\0\0\0{\"").unwrap(), Format::Safetensors);
        let told = |head: &[u8]| {
            let error = Format::of(head).unwrap_err();
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        let others: [&[u8]; 14] = [
            b"",
            &[0; 1000],
            b"<!DOCTYPE html><html>Not found</html>",
            b"<?xml version=\"1.0\"?><Error><Code>AccessDenied",
            b"{\"error\": \"not found\"}",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n",
            b"/annex/objects/SHA256E-s1--aa.pt\n",
            b"\x08\x09\x12\x04kiln",
            b"\x80\x04\x95\x10\0\0\0",
            b"\x89HDF\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"nc: 10\nbackbone:\n",
            b"import {torch}",
            b"\x01\x02\x03\xff",
        ];
        insta::assert_snapshot!(others.map(told).join("\n"));
    }
}
