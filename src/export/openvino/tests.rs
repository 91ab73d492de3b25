//! What the files look like.

use super::{ir::Layer, *};
use crate::export::{lowered::BatchDimension, test_support::every_operator};

fn layer(layers: &[Layer], kind: &str) -> Layer {
    layers.iter().find(|layer| layer.kind == kind).unwrap().clone()
}

#[test]
fn programs_find_the_images_and_the_probabilities_by_the_references_names() {
    for (batch, first) in [(BatchDimension::Fixed(1), 1), (BatchDimension::Any, -1)] {
        let (net, _) = layers::net(&every_operator(batch));
        let images = &layer(&net.layers, "Parameter").outputs[0];
        assert_eq!((images.names.as_deref(), &images.dims[..]), (Some(IMAGES), &[first, 4, 8, 8][..]));
        let last = &net.layers[net.layers.len() - 2].outputs[0];
        assert_eq!((last.names.as_deref(), &last.dims[..]), (Some(PROBABILITIES), &[first, 3][..]));
    }
}

#[test]
fn no_two_layers_have_one_name() {
    let (net, _) = layers::net(&every_operator(BatchDimension::Fixed(1)));
    let names: std::collections::BTreeSet<&str> =
        net.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names.len(), net.layers.len());
}

#[test]
fn a_layer_reads_like_this() {
    let (net, _) = layers::net(&every_operator(BatchDimension::Fixed(1)));
    let text = xml::text(&net, "a & b");
    assert!(
        text.starts_with("<?xml version=\"1.0\"?>\n<net name=\"a &amp; b\" version=\"11\">\n\t<layers>\n"),
        "{text}"
    );
    let convolution = text
        .find("\t\t<layer id=\"2\"")
        .map(|start| &text[start..start + text[start..].find("</layer>").unwrap()]);
    insta::assert_snapshot!(convolution.unwrap().replace('\t', "  ").trim());
}
