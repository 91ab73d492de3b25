//! What holds of every format that other programs run.

use serde_json::json;

use super::{
    Content, Engine as _, FORMATS, Format, Layout, Model, NetworkFormat, Options, Precision,
    verify::{largest_difference, probabilities},
};
use crate::{arch::Computation, network::test_support};

const SIZE: usize = 64;

fn network_formats() -> impl Iterator<Item = (&'static Format, &'static NetworkFormat)> {
    FORMATS.iter().filter_map(|format| match &format.content {
        Content::Network(network) => Some((format, network)),
        Content::Compiled(_) | Content::Weights(_) => None,
    })
}

/// Every kind of row, with weights that make the network sure of itself: the file that is written is recognised, says
/// what the network says, and is the same when it is written again.
fn hold_to_the_network(options: Options, limit: f32) {
    let (eval, names) = (json!([]), (0..6).map(|class| class.to_string()).collect::<Vec<_>>());
    let pixels = test_support::pixels(SIZE);
    for arch in test_support::archs() {
        let weights = test_support::weights(&arch);
        let model = Model { arch: &arch, weights: &weights, names: &names, size: SIZE, eval: &eval, options };
        let logits = test_support::logits(Computation::of(&arch), &weights, &pixels, SIZE);
        let expected = probabilities(&logits, pixels.len() / (3 * SIZE * SIZE));
        for (format, network) in network_formats().filter(|(format, _)| format.faults(options).is_empty()) {
            let given = read_back(format, network, &model, &pixels);
            let difference = largest_difference(&given, &expected);
            assert!(difference < limit, "{} {}: {difference}", format.name, arch.name);
        }
    }
}

/// What the file says that `format` writes of `model`.
fn read_back(format: &Format, network: &NetworkFormat, model: &Model<'_>, pixels: &[f32]) -> Vec<f32> {
    let (folder, files) = (tempfile::tempdir().unwrap(), (network.write)(model).unwrap());
    files.iter().for_each(|file| file.write(folder.path()).unwrap());
    assert_eq!(files, (network.write)(model).unwrap(), "{}", format.name);
    let path = folder.path().join(format.file);
    let recognised: Vec<&str> = network_formats()
        .filter(|(_, network)| (network.recognises)(&path))
        .map(|(format, _)| format.name)
        .collect();
    assert_eq!(recognised, [format.name]);
    let exported = format.read(network, &path).unwrap();
    assert!(exported.told.0.contains_key("names"), "{} tells {:?}", format.name, exported.told);
    format.engine(exported.network).probabilities(pixels, model.size).unwrap()
}

#[test]
fn what_is_written_says_what_the_network_says() {
    hold_to_the_network(Options::default(), 1e-5);
}

#[test]
fn in_half_the_bits_it_says_nearly_that() {
    hold_to_the_network(Options { precision: Precision::Fp16, ..Options::default() }, 1e-2);
}

#[test]
fn with_the_channels_of_images_last_it_says_the_same() {
    hold_to_the_network(Options { layout: Layout::ChannelsLast, ..Options::default() }, 1e-5);
}

/// A look at what a user names must end, whatever it is.
#[cfg(unix)]
#[test]
fn a_pipe_is_of_no_format_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pipe", "model.onnx", "model.pb", "model.pte", "model.json", "saved_model.pb"] {
        let path = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(Format::of(&path).is_none(), "{name}");
    }
    assert!(Format::of(folder.path()).is_none());
}
