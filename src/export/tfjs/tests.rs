//! Numbers that are taken out of a graph come back into it, and no others.

use proptest::prelude::*;

use super::*;
use crate::export::{
    Engine as _,
    interpreter::Interpreter,
    lowered::BatchDimension,
    test_support::{every_operator, probabilities},
    verify::largest_difference,
};

fn lowered() -> Lowered {
    every_operator(BatchDimension::Any).in_half().unwrap()
}

/// The text of a model and its numbers.
fn written() -> (String, Vec<u8>) {
    files(lowered()).unwrap()
}

fn read(text: &str, bytes: &[u8]) -> Result<Lowered> {
    in_files(text, |_| Ok(bytes.to_vec()))
}

#[test]
fn what_is_read_is_what_was_written() {
    let (text, bytes) = written();
    let given = probabilities(read(&text, &bytes).unwrap());
    assert!(largest_difference(&given, &probabilities(lowered())) < 1e-6);
    assert!(text.contains(r#""paths":["group1-shard1of1.bin"]"#), "{text}");
    assert!(text.contains(r#""dtype":"float32","quantization":{"dtype":"float16"}"#), "{text}");
}

#[test]
fn what_is_not_known_is_refused() {
    let (text, bytes) = written();
    let reason = |old: &str, new: &str| {
        assert!(text.contains(old), "{old}: {text}");
        read(&text.replacen(old, new, 1), &bytes).unwrap_err().to_string()
    };
    let more = reason(r#"{"name":"images","op""#, r#"{"device":"cpu","name":"images","op""#);
    assert_eq!(more, "it is no graph model that Kiln knows");
    let word = reason("TkhXQw==", "TkNIVw==");
    assert_eq!(word, "a_Conv2D: Kiln doesn't know Conv2D with such a value of data_format");
    let kind = reason("\"float16\"", "\"uint8\"");
    assert_eq!(kind, "the constant a_weight is of another kind or size than it should be");
    let signature = reason(r#"{"size":"3"}"#, r#"{"size":"4"}"#);
    assert_eq!(signature, "its signature is not how its graph is called");
    let elsewhere = reason("group1-shard1of1.bin", "../group1.bin");
    assert_eq!(elsewhere, "its numbers lie elsewhere: ../group1.bin");
    let twice = reason(r#"["group1-shard1of1.bin"]"#, r#"["a","a"]"#);
    assert_eq!(twice, "it names a file of numbers twice");
}

#[test]
fn numbers_that_are_missing_or_left_are_refused() {
    let (text, bytes) = written();
    let reason = |bytes: &[u8]| read(&text, bytes).unwrap_err().to_string();
    assert_eq!(reason(&[]), "the constant a_weight is of another kind or size than it should be");
    assert_eq!(reason(&[&bytes[..], &[0]].concat()), "its files have more numbers than it names");
}

#[test]
fn large_numbers_stand_in_several_files() {
    let bytes = vec![7; (4 << 20) + 1];
    let shards = weights::shards(&bytes);
    let names: Vec<(&str, usize)> = shards.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect();
    assert_eq!(names, [("group1-shard1of2.bin", 4 << 20), ("group1-shard2of2.bin", 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens to a text, it is refused, or read and run.
    #[test]
    fn damaged_texts_never_panic(at in any::<prop::sample::Index>(), byte in 32_u8..127, cut: bool) {
        let (text, bytes) = written();
        let mut text = text.into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        text.truncate(if cut { at } else { text.len() });
        if let Ok(lowered) = read(std::str::from_utf8(&text).unwrap(), &bytes) {
            let _ = Interpreter::new(String::new(), lowered).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }
}
