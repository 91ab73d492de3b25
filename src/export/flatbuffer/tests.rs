//! What is written is read again, and nothing that is read makes the reader fail.

use proptest::prelude::*;

use super::*;
use crate::error::Result;

fn file() -> Vec<u8> {
    let inner = |number: i32| Table::new().number(1, number);
    let table = Table::new()
        .number(0, 7_u8)
        .number(3, -5_i64)
        .child(2, "text")
        .child(4, vec![1.5_f32, -2.0])
        .child(5, inner(3))
        .child(6, (0..3).map(inner).collect::<Child>())
        .child(7, ["a", "bc"].into_iter().collect::<Child>())
        .child(8, Child::data(vec![9; 5]))
        .number(10, true);
    table.file(Some(*b"TEST")).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let file = file();
    assert_eq!(&file[4..8], b"TEST");
    let root = Record::root(&file).unwrap();
    assert_eq!((root.number(0, 0_u8).unwrap(), root.number(3, 0_i64).unwrap()), (7, -5));
    assert_eq!((root.number(1, 42_u32).unwrap(), root.number(99, 43_u32).unwrap()), (42, 43));
    assert_eq!((root.bytes(2).unwrap(), root.bytes(1).unwrap()), (&b"text"[..], &b""[..]));
    assert_eq!(root.numbers::<f32>(4).unwrap(), [1.5, -2.0]);
    assert_eq!(root.record(5).unwrap().unwrap().number(1, 0_i32).unwrap(), 3);
    assert!(root.record(1).unwrap().is_none());
    let numbers: Result<Vec<i32>> = root.list(6).unwrap().records().map(|it| it?.number(1, -1)).collect();
    assert_eq!(numbers.unwrap(), [0, 1, 2]);
    assert_eq!(root.list(7).unwrap().len(), 2);
    let texts: Result<Vec<&str>> = root.list(7).unwrap().texts().collect();
    assert_eq!((texts.unwrap(), root.text(2).unwrap()), (vec!["a", "bc"], "text"));
    assert_eq!(root.bytes(8).unwrap(), [9; 5]);
    assert_eq!(root.list(1).unwrap().len(), 0);
}

#[test]
fn data_lies_where_programs_can_compute_with_it() {
    let file = file();
    let start = file.windows(5).position(|bytes| bytes == [9; 5]).unwrap();
    assert_eq!(start % 16, 0);
}

#[test]
fn what_is_not_there_is_said() {
    let file = file();
    let root = Record::root(&file).unwrap();
    assert_eq!(root.list(6).unwrap().record(3).unwrap_err().to_string(), "it refers to entry 3 of 3");
    assert_eq!(Record::root(b"abc").unwrap_err().to_string(), "it is cut off or damaged");
}

/// Whatever can be asked of a table.
fn ask(root: Record<'_>) -> Result<()> {
    root.number(3, 0_i64)?;
    root.text(2)?;
    root.numbers::<f32>(4)?;
    root.record(5)?.map_or(Ok(0), |it| it.number(1, 0_i32))?;
    root.list(6)?.records().try_for_each(|it| it?.number(1, 0_i32).map(|_| ()))?;
    root.list(7)?.texts().try_for_each(|text| text.map(|_| ()))?;
    root.bytes(8).map(|_| ())
}

proptest! {
    #[test]
    fn damaged_files_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut: bool) {
        let mut file = file();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
            file.truncate(if cut { at + 1 } else { file.len() });
        }
        let _ = Record::root(&file).and_then(ask);
    }
}
