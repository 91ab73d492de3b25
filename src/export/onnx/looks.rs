//! Whether a file is one of ONNX: a protocol buffer has no name in front, but its first fields tell much.

use std::path::Path;

use crate::{export::input_file, files, weights};

/// Most versions of the file's structure that there may ever be; the tag of another field would be larger.
const VERSIONS: u8 = 50;
/// Longest name of a program that makes such files, in bytes.
const LONGEST: usize = 100;

/// Whether what lies at `path` begins as an ONNX file does, or is called like one and is nothing else that Kiln reads.
pub(super) fn recognises(path: &Path) -> bool {
    let head = input_file::head(path, 3 + LONGEST as u64);
    let is_called_so = || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"));
    begins(&head) || is_called_so() && files::open(path).is_ok() && weights::look(path).is_err()
}

/// The version of the structure, then the graph, or the name of the program that made it.
fn begins(head: &[u8]) -> bool {
    const VERSION: u8 = 1 << 3;
    const PROGRAM: u8 = 2 << 3 | 2;
    const GRAPH: u8 = 7 << 3 | 2;
    match head {
        [VERSION, 1..=VERSIONS, GRAPH, ..] => true,
        [VERSION, 1..=VERSIONS, PROGRAM, length, rest @ ..] => {
            let name = rest.get(..usize::from(*length)).filter(|name| name.len() < LONGEST);
            name.is_some_and(|name| !name.is_empty() && name.iter().all(|byte| (b' '..=b'~').contains(byte)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_fields_are_enough() {
        assert!(
            begins(b"\x08\x08\x12\x04kiln\x1a\x05")
                && begins(b"\x08\x0a\x12\x07pytorch")
                && begins(b"\x08\x07\x3a\x00")
        );
        // Other protocol buffers, a flatbuffer, an archive, and what ends too early.
        for other in [
            &b"\x0a\x08\x12"[..],
            b"\x08\x06\x12\x05\x0a\x03\x12\x01",
            b"\x08\x00\x00\x00",
            b"PK\x03\x04",
            b"\x08\x08\x12\x09kiln",
            b"\x08",
            b"",
        ] {
            assert!(!begins(other), "{other:?}");
        }
    }

    #[test]
    fn a_name_tells_where_the_content_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let is = |name: &str, content: &[u8]| {
            fs::write(dir.path().join(name), content).unwrap();
            recognises(&dir.path().join(name))
        };
        let weights = fs::read("tests/fixtures/weights/tiny-yolo11.pt").unwrap();
        assert!(is("cut.onnx", b"\x08") && is("any.bin", b"\x08\x08\x12\x04kiln") && !is("x.bin", b"\x08"));
        assert!(!is("weights.onnx", &weights) && !recognises(dir.path()));
    }
}
