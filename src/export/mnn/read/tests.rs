//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{
        MNN, exported,
        file::File,
        operators,
        parameters::pooled,
        schema::{Kind, convolution, field, pool},
    },
    *,
};
use crate::{
    arch::Window,
    export::{
        Engine as _,
        flatbuffer::Table,
        lowered::BatchDimension,
        test_support::{every_operator, probabilities},
        verify::largest_difference,
    },
};

fn file(batch: BatchDimension) -> Vec<u8> {
    operators::write(&every_operator(batch), "{}").unwrap()
}

fn lowered_of(bytes: &[u8]) -> Result<Lowered> {
    exported(bytes).map(|exported| exported.network)
}

#[test]
fn what_is_read_gives_what_was_written() {
    for batch in [BatchDimension::Fixed(1), BatchDimension::Any] {
        let read = lowered_of(&file(batch)).unwrap();
        assert_eq!(read.batch, batch);
        // Not to the bit: a linear layer has become a convolution, which adds in another order.
        let (given, wanted) = (probabilities(read), probabilities(every_operator(batch)));
        assert!(largest_difference(&given, &wanted) < 1e-6, "{given:?} {wanted:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to a file, it is refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = file(BatchDimension::Fixed(1));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(lowered) = lowered_of(&bytes) {
            let _ = MNN.engine(lowered).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }
}

/// Why a file is refused that begins with images of two channels and then has one operator of these parameters.
fn reason(kind: Kind, format: Format, parameters: Table) -> String {
    let mut file = File::default();
    let images = Table::new().child(input::SHAPE, vec![1, 2, 4, 4]).number(input::FORMAT, 0_i8);
    let images = file.operator(schema::INPUT, ("images", Format::Plain), Vec::new(), images);
    file.operator(kind, ("x", format), vec![images], parameters);
    lowered_of(&file.finish("images", "").unwrap()).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    let other = Kind { name: "TanH", code: 97, parameters: 0 };
    assert_eq!(reason(other, Format::Plain, Table::new()), "Kiln doesn't know MNN's operator 97");
    let unary = Table::new().number(field::OPERATION, 30);
    let unary = reason(schema::UNARY, Format::Plain, unary);
    assert_eq!(unary, "operator 1 (UnaryOp): Kiln doesn't know this function");
    let relu = Table::new().number(convolution::ACTIVATIONS[0], true);
    let relu = Table::new().child(convolution::COMMON, relu);
    let relu = reason(schema::CONVOLUTION, Format::Packed, relu);
    assert_eq!(relu, "operator 1 (Convolution): Kiln doesn't know this activation");
    let pool = Table::new().number(pool::TYPE, 0_i8);
    let pool = reason(schema::POOLING, Format::Packed, pool);
    assert_eq!(pool, "operator 1 (Pooling): Kiln doesn't know this rounding");
    let other = Kind { parameters: 3, ..schema::SOFTMAX };
    let other = reason(other, Format::Plain, Table::new());
    assert_eq!(other, "operator 1 (Softmax): Kiln doesn't know this kind of parameters");
}

#[test]
fn what_wants_packs_of_channels_is_refused_without() {
    let pool = reason(schema::POOLING, Format::Packed, pooled(Window::square(2)));
    assert_eq!(pool, "operator 1 (Pooling): Kiln doesn't know this format of its input");
}
