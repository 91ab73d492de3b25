//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{layers, xml::text},
    *,
};
use crate::export::{
    lowered::BatchDimension,
    test_support::{every_operator, probabilities},
};

/// The files of a small network of every operator.
fn files(batch: BatchDimension) -> (String, Vec<u8>) {
    let (net, numbers) = layers::net(&every_operator(batch));
    (text(&net, "test"), numbers)
}

#[test]
fn what_is_read_gives_what_was_written() {
    for batch in [BatchDimension::Fixed(1), BatchDimension::Any] {
        let (text, numbers) = files(batch);
        let read = network(&text, &numbers).unwrap();
        assert_eq!(read.batch, batch);
        assert_eq!(probabilities(read), probabilities(every_operator(batch)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the files, they are refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), with in "[0-9a-z<>&\"/ ,=-]{0,3}", less in 0..3_usize) {
        let (mut text, numbers) = files(BatchDimension::Fixed(1));
        let at = at.index(text.len());
        text.replace_range(at..(at + 1).min(text.len()), &with);
        if let Ok(lowered) = network(&text, &numbers[..numbers.len() - less]) {
            let _ = std::hint::black_box(lowered);
        }
    }
}

/// Why the files are refused where `from` is `to` instead.
fn reason(from: &str, to: &str) -> String {
    let (text, numbers) = files(BatchDimension::Fixed(1));
    assert!(text.contains(from), "{from}");
    network(&text.replace(from, to), &numbers).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    assert_eq!(reason("version=\"11\"", "version=\"9\""), "it is of version 9; Kiln knows 10 and 11");
    let kind = reason("type=\"Swish\"", "type=\"Mish\"");
    assert_eq!(kind, "a.act/Swish: Kiln doesn't know Mish of opset4 and 1 inputs");
    let set = reason("type=\"ReLU\" version=\"opset1\"", "type=\"ReLU\" version=\"opset99\"");
    assert_eq!(set, "c/ReLU: Kiln doesn't know ReLU of opset99 and 1 inputs");
    for (name, from, to) in [
        ("pads_begin", "pads_begin=\"1,1\"", "pads_begin=\"0,1\""),
        ("dilations", "dilations=\"1,1\"", "dilations=\"2,1\""),
        ("strides", "strides=\"2,2\"", "strides=\"2,1\""),
        ("more", "dilations=\"1,1\"", "dilations=\"1,1\" more=\"1\""),
    ] {
        let attribute = reason(from, to);
        assert_eq!(
            attribute,
            format!("a/Convolution: Kiln doesn't know Convolution with such a value of {name}")
        );
    }
    assert_eq!(reason("<layers>", "<layers><body/>"), "Kiln doesn't know the element body in net/layers");
    let kind = reason("element_type=\"i64\"", "element_type=\"i4\"");
    assert!(kind.ends_with(": Kiln doesn't know Const with such a value of element_type"), "{kind}");
}

#[test]
fn xml_stands_for_no_more_than_is_written() {
    let more = "its XML has more than elements, attributes and plain text";
    assert_eq!(reason("<net ", "<!DOCTYPE net [<!ENTITY a \"b\">]><net "), more);
    assert_eq!(reason("<dim>8</dim>", "<dim>&#56;</dim>"), more);
    assert_eq!(reason("name=\"images\"", "name=\"&images;\""), "the attributes of layer are broken");
    let deep = format!("<net version='11'>{}<rt_info ", "<rt_info>".repeat(40));
    assert_eq!(reason("<net ", &deep), "its XML is deeper than 32 elements");
    let many: String = (0..99).map(|i| format!("a{i}='' ")).collect();
    assert_eq!(reason("<net ", &format!("<net {many}")), "net has more than 64 attributes");
    assert_eq!(reason("</net>", ""), "its XML has no end, or no layers");
    assert_eq!(reason("</layers>", "</layer>"), "its XML is broken");
}

#[test]
fn what_does_not_fit_is_refused() {
    let size = reason("<dim>4</dim>", "<dim>5</dim>");
    assert_eq!(size, "images gives a tensor of [1, 4, 8, 8], not [1, 5, 8, 8]");
    let square = reason("shape=\"1,4,8,8\"", "shape=\"1,4,8,9\"");
    assert_eq!(square, "images are not square images of one size");
    let end = reason("to-layer=\"2\" to-port=\"0\"", "to-layer=\"2\" to-port=\"1\"");
    assert_eq!(end, "two of its edges end at one port");
    let missing = reason(
        "from-layer=\"0\" from-port=\"0\" to-layer=\"2\"",
        "from-layer=\"99\" from-port=\"0\" to-layer=\"2\"",
    );
    assert_eq!(missing, "a/Convolution takes what was not made before");
    assert_eq!(reason("type=\"Result\"", "type=\"Sink\""), "it has not one input and one output");
    let beyond = reason("offset=\"0\" size=\"576\"", "offset=\"999999\" size=\"576\"");
    assert_eq!(beyond, "the constant a.weight is of another kind or size than it should be");
}

#[test]
fn equal_constants_may_lie_in_one_place_but_not_be_many_times_the_file() {
    let numbers = vec![0; 4 << 20];
    let constants = Constants::new(&numbers);
    let layer = Layer {
        data: [("element_type", "f32"), ("shape", "1048576"), ("offset", "0"), ("size", "4194304")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        ..Layer::default()
    };
    let place = constants::Place::of("a", &data::Data::of(&layer)).unwrap();
    let taken =
        std::iter::repeat_with(|| constants.floats(&place, vec![1 << 20])).take_while(Result::is_ok).count();
    assert_eq!(taken, 2);
}
