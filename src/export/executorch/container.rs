//! The file around a program: a header that says where its constants begin, which lie behind it.

use super::schema::MARK;
use crate::error::{Error, Result};

/// What the header is marked with.
const HEADER: [u8; 4] = *b"eh00";
/// Where the header begins: behind the program's first offset and mark.
pub(super) const BEGIN: usize = 8;
/// Bytes of the header.
const LENGTH: usize = 32;
/// Constants begin at a multiple of so many bytes, so that a page of memory holds nothing else.
const PAGE: usize = 4096;

/// The bytes of a file with this program, a flatbuffer, and these constants.
pub(super) fn file(program: Vec<u8>, constants: &[u8]) -> Vec<u8> {
    let size = program.len() + LENGTH;
    let base = size.next_multiple_of(PAGE);
    // The header is put between the first offset and what that leads to.
    let root = number(&program, 0).map_or(0, u32::from_le_bytes) + LENGTH as u32;
    let mut file = Vec::with_capacity(base + constants.len());
    file.extend(root.to_le_bytes().into_iter().chain(MARK).chain(HEADER));
    file.extend((LENGTH as u32).to_le_bytes());
    file.extend([size, base, constants.len()].into_iter().flat_map(|number| (number as u64).to_le_bytes()));
    file.extend(&program[BEGIN..]);
    file.resize(base, 0);
    file.extend(constants);
    file
}

/// Whether these are the first bytes of such a file.
pub(super) fn begins(head: &[u8]) -> bool {
    head.get(4..BEGIN) == Some(&MARK[..])
}

/// Where the constants of a file begin.
///
/// # Errors
/// If it is no such file, or does not say so.
pub(super) fn base(file: &[u8]) -> Result<usize> {
    let header = file.get(BEGIN..).filter(|_| begins(file)).ok_or_else(|| Error::new("it is no program"))?;
    let base = number(header, 16).map(u64::from_le_bytes).filter(|_| header.starts_with(&HEADER));
    let base = base.and_then(|base| usize::try_from(base).ok()).filter(|base| *base <= file.len());
    base.ok_or_else(|| Error::new("it does not say where its constants begin"))
}

/// The bytes of a number.
fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> Option<[u8; SIZE]> {
    bytes.get(at..at + SIZE)?.try_into().ok()
}
