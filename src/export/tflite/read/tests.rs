//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{TFLITE, exported, operators},
    *,
};
use crate::{
    arch::Window,
    export::{
        Engine as _, Precision,
        channels_last::ChannelsLast,
        interpreter::Interpreter,
        lowered::{BatchDimension, Constant, INPUT, Operator as Plain, TensorId},
    },
    random::Random,
};

fn numbers(name: &str, shape: &[usize]) -> Constant {
    let mut random = Random::new(name, &[]);
    let data = (0..shape.iter().product()).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
    Constant { name: name.to_owned(), shape: shape.to_vec(), data, precision: Precision::Fp32 }
}

/// A convolution and a pooling of maps of two channels, in a row of numbers.
fn network(side: usize, window: Window) -> Lowered {
    let mut lowered = Lowered::new(BatchDimension::Fixed(1), 2, side);
    let weight =
        lowered.add_constant(numbers("weight", &[4, 2 / window.groups, window.kernel, window.kernel]));
    let bias = lowered.add_constant(numbers("bias", &[4]));
    let map = lowered.push("conv", Plain::Convolution { weight, bias, window }, &[INPUT]).unwrap();
    let map = lowered.push("pool", Plain::MaxPool(window.groups(1)), &[map]).unwrap();
    in_a_row(lowered, map)
}

fn in_a_row(mut lowered: Lowered, map: TensorId) -> Lowered {
    let count = lowered.shape(map).iter().product();
    lowered.probabilities = lowered.push("row", Plain::Reshape(vec![count]), &[map]).unwrap();
    lowered
}

fn file(lowered: Lowered, images: Layout) -> Vec<u8> {
    operators::write(&ChannelsLast::of(lowered, images), "test").unwrap()
}

fn lowered_of(bytes: &[u8]) -> Result<Lowered> {
    exported(bytes).map(|exported| exported.network)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_written_is_read_again(
        groups in 1..3_usize, side in 3..12_usize, kernel in 1..5_usize, stride in 1..4_usize, last: bool,
    ) {
        let lowered = network(side, Window { kernel, stride, groups });
        let images = if last { Layout::ChannelsLast } else { Layout::ChannelsFirst };
        let pixels = numbers("images", &[2 * side * side]).data;
        let expected = Interpreter::new(String::new(), lowered.clone()).probabilities(&pixels, side);
        let read = lowered_of(&file(lowered, images)).unwrap();
        prop_assert_eq!(TFLITE.engine(read).probabilities(&pixels, side).unwrap(), expected.unwrap());
    }

    /// Whatever happens to a file, it is refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = file(network(6, Window::square(3).groups(2)), Layout::ChannelsFirst);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(lowered) = lowered_of(&bytes) {
            let _ = TFLITE.engine(lowered).probabilities(&[0.5; 2 * 6 * 6], 6);
        }
    }
}

#[test]
fn what_is_no_such_file_is_refused() {
    assert_eq!(lowered_of(b"").unwrap_err().to_string(), "it is cut off or damaged");
    let mut bytes = file(network(6, Window::POINT), Layout::ChannelsFirst);
    bytes.truncate(bytes.len() / 2);
    assert!(lowered_of(&bytes).is_err());
}
