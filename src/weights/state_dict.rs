//! A PyTorch archive that holds a plain state dict: `torch.load(path, weights_only=True)` reads it.
//!
//! What Kiln must know about the model lies in an entry of its own, `kiln.json`, which PyTorch does
//! not look at. Entries are stored, aligned to 64 bytes and without a date: the same model gives the
//! same bytes.

use std::io::{Cursor, Write as _};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{Array, ModelFile, Weights, check_shapes, description::Description, torch::DESCRIPTION};
use crate::error::{Error, Result};

/// The folder that all entries lie in.
const ROOT: &str = "model";
/// Where PyTorch wants the numbers to begin.
const ALIGNMENT: u16 = 64;

/// The bytes of the archive.
///
/// # Errors
/// If an array has more or fewer numbers than its shape has places.
pub(super) fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    check_shapes(&model.weights)?;
    write(model).map_err(|error| Error::new(format!("the weights can't be written: {error}")))
}

fn write(model: &ModelFile) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .with_alignment(ALIGNMENT);
    let mut entry = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("{ROOT}/{name}"), options)?;
        zip.write_all(bytes).map_err(zip::result::ZipError::from)
    };
    entry("data.pkl", &pickle(&model.weights))?;
    entry("byteorder", b"little")?;
    for (key, array) in model.weights.values().enumerate() {
        entry(&format!("data/{key}"), &array.to_le_bytes())?;
    }
    entry("version", b"3\n")?;
    entry(DESCRIPTION, Description::text_of(model).as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

const MARK: u8 = b'(';
const TUPLE: u8 = b't';
const REDUCE: u8 = b'R';
const EMPTY_TUPLE: u8 = b')';
const PERSISTENT: u8 = b'Q';

/// An `OrderedDict` from name to tensor, in protocol 2. Storages are `0`, `1`, … in the same order.
fn pickle(weights: &Weights) -> Vec<u8> {
    let mut out = Pickle(vec![0x80, 2]);
    out.ordered_dict();
    out.0.push(MARK);
    for (key, (name, array)) in weights.iter().enumerate() {
        out.text(name);
        out.tensor(key, array);
    }
    out.0.extend(*b"u."); // SETITEMS, STOP
    out.0
}

/// The bytes of a pickle so far. It needs no memo: nothing in it is there twice.
struct Pickle(Vec<u8>);

impl Pickle {
    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`.
    fn tensor(&mut self, key: usize, array: &Array) {
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.0.push(MARK);
        self.storage(key, array.data.len());
        self.int(0);
        self.sizes(&array.shape);
        self.sizes(&strides(&array.shape));
        self.0.push(0x89); // False: no gradient
        self.ordered_dict();
        self.0.extend([TUPLE, REDUCE]);
    }

    /// The persistent id `("storage", FloatStorage, key, "cpu", count)`.
    fn storage(&mut self, key: usize, count: usize) {
        self.0.push(MARK);
        self.text("storage");
        self.global("torch", "FloatStorage");
        self.text(&key.to_string());
        self.text("cpu");
        self.int(count);
        self.0.extend([TUPLE, PERSISTENT]);
    }

    fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.0.extend([EMPTY_TUPLE, REDUCE]);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").into_bytes());
    }

    fn text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).expect("names are shorter than 4 GiB");
        self.0.push(b'X');
        self.0.extend(length.to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.0.push(MARK);
        sizes.iter().for_each(|size| self.int(*size));
        self.0.push(TUPLE);
    }

    /// `BININT`, or `LONG1` where that has too few bytes.
    fn int(&mut self, value: usize) {
        if let Ok(value) = i32::try_from(value) {
            self.0.push(b'J');
            self.0.extend(value.to_le_bytes());
        } else {
            self.0.extend([0x8a, 8]);
            self.0.extend((value as u64).to_le_bytes());
        }
    }
}

/// How many places one step along each dimension is, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_row_major() {
        assert_eq!(strides(&[2, 3, 4]), [12, 4, 1]);
        assert!(strides(&[]).is_empty());
        assert_eq!(strides(&[3, 0, 2]), [2, 2, 1]);
    }

    #[test]
    fn numbers_beyond_31_bits_are_long() {
        let int = |value| {
            let mut out = Pickle(Vec::new());
            out.int(value);
            out.0.push(b'.');
            super::super::pickle::parse(&out.0).unwrap().root().int()
        };
        for value in [0, 5, i32::MAX as usize, 1 << 31, 1 << 40] {
            assert_eq!(int(value), i64::try_from(value).ok());
        }
    }
}
