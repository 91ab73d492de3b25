//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{EXECUTORCH, calls, program::Program},
    *,
};
use crate::export::{
    Engine as _,
    lowered::BatchDimension,
    test_support::{every_operator, probabilities},
};

fn file() -> Vec<u8> {
    calls::write(&every_operator(BatchDimension::Fixed(1))).unwrap()
}

#[test]
fn what_is_read_gives_what_was_written() {
    let read = network(&file()).unwrap();
    assert_eq!(probabilities(read), probabilities(every_operator(BatchDimension::Fixed(1))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to a file, it is refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = file();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(lowered) = network(&bytes) {
            let _ = EXECUTORCH.engine(lowered).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }
}

/// Why a program is refused that does this with images of two channels.
fn reason(does: impl Fn(&mut Program, i32) -> i32) -> String {
    let mut program = Program::default();
    let images = program.tensor(&[1, 2, 4, 4]);
    let given = does(&mut program, images);
    network(&program.finish([images, given]).unwrap()).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    let shape = [1, 2, 4, 4];
    let kernel = reason(|program, x| program.one(("aten::tanh", "out"), &[x], &shape));
    assert_eq!(kernel, "call 0 (aten::tanh.out): Kiln doesn't know this kernel");
    let twice = |program: &mut Program, x| {
        let twice = program.whole(2);
        program.one(calls::ADD, &[x, x, twice], &shape)
    };
    assert_eq!(reason(twice), "call 0 (aten::add.out): Kiln doesn't know this factor");
    let axis = |program: &mut Program, x| {
        let (axis, no) = (program.whole(1), program.flag(false));
        program.one(calls::SOFTMAX, &[x, axis, no], &shape)
    };
    assert_eq!(reason(axis), "call 0 (aten::_softmax.out): Kiln doesn't know this axis");
}

#[test]
fn what_does_not_fit_is_refused() {
    let size = reason(|program, x| program.one(calls::RELU, &[x], &[1, 2, 4, 5]));
    assert_eq!(size, "value 1 is of another type or shape than what is put there");
    let nothing = reason(|program, x| {
        let nobody = program.tensor(&[1, 2, 4, 4]);
        program.one(calls::ADD, &[x, nobody, nobody], &[1, 2, 4, 4])
    });
    assert_eq!(nothing, "value 1 is not what it should be");
    let map = reason(|program, x| program.one(calls::RELU, &[x], &[1, 2, 4, 4]));
    assert_eq!(map, "what it gives is not one number for each class");
    assert_eq!(network(&file()[..200]).unwrap_err().to_string(), "it does not say where its constants begin");
    assert_eq!(network(b"").unwrap_err().to_string(), "it is no program");
}
