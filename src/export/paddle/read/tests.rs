//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{json::text, operations::program, parameters::bytes},
    *,
};
use crate::export::{
    lowered::BatchDimension,
    test_support::{every_operator, probabilities},
};

/// The files of a small network of every operator.
fn files(batch: BatchDimension) -> (String, Vec<u8>) {
    let (operations, parameters) = program(&every_operator(batch));
    (text(&operations), bytes(&parameters))
}

#[test]
fn what_is_read_gives_what_was_written() {
    for batch in [BatchDimension::Fixed(1), BatchDimension::Any] {
        let (text, bytes) = files(batch);
        let read = network(&text, &bytes).unwrap();
        assert_eq!(read.batch, batch);
        assert_eq!(probabilities(read), probabilities(every_operator(batch)));
    }
}

#[test]
fn a_program_is_read_as_it_was_written() {
    let (operations, _) = program(&every_operator(BatchDimension::Any));
    assert_eq!(json::operations(&text(&operations)).unwrap(), operations);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the files, they are refused, or read.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), with in "[0-9a-z{}\\[\\]\":, -]{0,3}", byte in any::<prop::sample::Index>(), value: u8) {
        let (mut text, mut bytes) = files(BatchDimension::Fixed(1));
        let _ = std::hint::black_box(network(&text, &bytes[..byte.index(bytes.len())]));
        let byte = byte.index(bytes.len());
        bytes[byte] = value;
        let _ = std::hint::black_box(network(&text, &bytes));
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        let _ = std::hint::black_box(network(&text, &bytes));
    }
}

/// Why the files are refused where `from` is `to` instead.
fn reason(from: &str, to: &str) -> String {
    let (text, bytes) = files(BatchDimension::Fixed(1));
    assert!(text.contains(from), "{from} in {text}");
    network(&text.replacen(from, to, 1), &bytes).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    assert_eq!(reason("{", "["), "its program is no JSON");
    assert_eq!(reason("\"pir\"", "\"pdmodel\""), "its program is not one of Paddle 3");
    assert_eq!(reason("1.data", "1.feed"), "it begins with 1.feed, not with its input");
    assert_eq!(reason("1.fetch", "1.print"), "it ends with 1.print, not with one tensor");
    let kind = reason("1.silu", "1.mish");
    assert!(kind.starts_with("Kiln doesn't know 1.mish of such 1 inputs"), "{kind}");
    for (name, from, to) in [
        ("data_format", "\"D\":\"NCHW\"}", "\"D\":\"NHWC\"}"),
        ("padding_algorithm", "EXPLICIT", "SAME"),
        ("dilations", "\"N\":\"dilations\"", "\"N\":\"more\""),
        (
            "more",
            "\"N\":\"dilations\"",
            "\"N\":\"dilations\"},{\"AT\":{\"#\":\"0.a_i32\",\"D\":1},\"N\":\"more\"",
        ),
    ] {
        assert_eq!(reason(from, to), format!("Kiln doesn't know 1.conv2d with such a value of {name}"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(reason("[1,4,8,8]", "[1,4,8,9]"), "the images are not square images of one size");
    let size = reason("[1,4,3,3]", "[1,4,3,4]");
    assert_eq!(size, "1.pool2d gives tensors of other sizes than it says");
    let (text, bytes) = files(BatchDimension::Fixed(1));
    let reason = |bytes: &[u8]| network(&text, bytes).unwrap_err().to_string();
    let short = reason(&bytes[..bytes.len() - 4]);
    assert_eq!(short, "the parameter h.weight is of another kind or size than it should be");
    assert_eq!(reason(&[&bytes[..], &[0; 4]].concat()), "there are more parameters than the program has");
}
