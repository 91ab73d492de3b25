//! What is read again, and what is refused.

use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{layers::layers, param::text},
    *,
};
use crate::export::{
    lowered::BatchDimension,
    test_support::{every_operator, probabilities},
};

/// The files of a small network of every operator.
fn files() -> (String, Vec<u8>) {
    let (layers, weights) = layers(&every_operator(BatchDimension::Fixed(1))).unwrap();
    (text(&layers), weights)
}

#[test]
fn what_is_read_gives_what_was_written() {
    let (text, weights) = files();
    let read = network(&text, &weights, &Told::default()).unwrap();
    assert_eq!(probabilities(read), probabilities(every_operator(BatchDimension::Fixed(1))));
}

#[test]
fn where_the_input_has_no_size_the_metadata_have_it() {
    let (text, weights) = files();
    let text = text.replace("in0 0=8 1=8 2=4", "in0");
    let refused = network(&text, &weights, &Told::default()).unwrap_err();
    assert_eq!(refused.to_string(), "in0 are not square images of one size");
    let told = Told(
        [("imgsz", json!([8, 8])), ("channels", json!(4))].map(|(key, value)| (key.to_owned(), value)).into(),
    );
    assert!(network(&text, &weights, &told).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the files, they are refused, or read.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), with in "[0-9a-z=, \n-]{0,3}", less in 0..3_usize) {
        let (mut text, weights) = files();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        let _ = std::hint::black_box(network(&text, &weights[..weights.len() - less], &Told::default()));
    }
}

/// Why the files are refused where `from` is `to` instead.
fn reason(from: &str, to: &str) -> String {
    let (text, weights) = files();
    let text =
        text.split_inclusive('\n').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n");
    let text: String = text.collect();
    assert!(text.contains(from), "{from} in {text}");
    network(&text.replacen(from, to, 1), &weights, &Told::default()).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    assert_eq!(reason("7767517", "7767518"), "it does not begin with 7767517, as ncnn's text does");
    assert_eq!(reason("Input", "MemoryData"), "its first layer is not an input");
    assert_eq!(reason("Swish", "Mish"), "a.act: Kiln doesn't know Mish of 1 inputs");
    for (number, from, to) in
        [(14, " 14=1", " 14=0"), (12, " 12=1", " 12=2"), (13, " 13=2", " 13=1"), (9, " 14=1", " 14=1 9=3")]
    {
        let parameter = reason(from, to);
        assert_eq!(
            parameter,
            format!("a: Kiln doesn't know Convolution with such a value of its parameter {number}")
        );
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(reason("Swish a.act 1 1", "Swish a.act 1 x"), "\"Swish a.act 1 x 1 2\" is no layer");
    let missing = reason("Swish a.act 1 1 1 2", "Swish a.act 1 1 x 2");
    assert_eq!(missing, "nothing that is called \"x\" was made before");
    let twice = reason("Swish a.act 1 1 1 2", "Swish a.act 1 1 1 1");
    assert_eq!(twice, "two tensors are called 1");
    let (text, weights) = files();
    let reason = |weights: &[u8]| network(&text, weights, &Told::default()).unwrap_err().to_string();
    assert_eq!(reason(&weights[4..]), "Kiln doesn't know of which kind the weights of a are");
    assert_eq!(reason(&weights[..weights.len() - 4]), "there are not as many weights as h_1 has");
    assert_eq!(reason(&[&weights[..], &[0; 4]].concat()), "there are more weights than its layers have");
}

#[test]
fn no_weights_are_no_bias_of_any_size() {
    let line = "Convolution a 1 1 in0 out0 0=9999999999999 1=1 5=0 6=0 7=0";
    let text = format!(
        "7767517\n2 2\nInput in0 0 1 in0 0=8 1=8 2=4\n{}",
        line.replace("Convolution", "ConvolutionDepthWise")
    );
    let refused = network(&text, &[0; 4], &Told::default()).unwrap_err().to_string();
    assert_eq!(refused, "a: Kiln doesn't know ConvolutionDepthWise with such a value of its parameter 6");
}
