use serde_json::json;

use super::*;
use crate::{
    arch::Arch,
    data::transform::default_eval,
    export::{Content, FORMATS, Options},
    weights::Weights,
};

const PROOF: Verification = Verification {
    file: "model.onnx",
    engine: String::new(),
    source: String::new(),
    images: 16,
    largest_difference: 2.5e-7,
    limit: 1e-4,
    compiled_by: None,
};

fn card(names: &[String], origin: &Origin, eval: &[EvalOp]) -> String {
    let arch = Arch::built_in("yolov8n-cls", names.len()).unwrap();
    let (weights, json) = (Weights::new(), json!(eval));
    let model =
        Model { arch: &arch, weights: &weights, names, size: 160, eval: &json, options: Options::default() };
    let proof = Verification { engine: "Kiln's ONNX reader".into(), source: "val images".into(), ..PROOF };
    let format = &FORMATS[0];
    let Content::Network(network) = &format.content else { panic!("the first format is one of a network") };
    let files = [Written { format, example: Some(network.example), proof: &proof }];
    Card { model: &model, eval, origin, files: &files, external: None }.text()
}

#[test]
fn a_card_tells_what_is_known() {
    let origin = Origin {
        model: "4f2a".into(),
        dataset: Some("91bc".into()),
        training: Some(json!({ "epochs": 15, "best_epoch": 12, "top1": 0.8875, "top5": 1.0 })),
    };
    let names = ["cat", "a `dog`", "line\nbreak"].map(str::to_owned);
    insta::assert_snapshot!(card(&names, &origin, &default_eval()));
}

#[test]
fn a_card_tells_what_is_not_known() {
    let card = card(&["a".to_owned()], &Origin::default(), &default_eval());
    for line in ["What it was trained on is not known here.", "How good it is, is not known here."] {
        assert!(card.contains(line), "{card}");
    }
}

#[test]
fn every_operation_has_its_lines() {
    let eval = json!([
        { "type": "reduce" },
        { "type": "resize", "size": 176, "interpolation": "bicubic" },
        { "type": "center_crop" },
        { "type": "letterbox" },
        { "type": "squash" },
        { "type": "grayscale" },
        { "type": "normalize", "mean": [0.5, 0.25, 0.0], "std": [0.5, 1.0, 2.0] },
    ]);
    let eval: Vec<EvalOp> = serde_json::from_value(eval).unwrap();
    insta::assert_snapshot!(prepare::lines(&eval, 160, Options::default()));
}

#[test]
fn names_beyond_counting_are_left_to_the_file() {
    let names: Vec<String> = (0..1003).map(|class| class.to_string()).collect();
    let card = card(&names, &Origin::default(), &[]);
    assert!(card.contains("`999`, and 3 more, which the files name."), "{card}");
}

#[test]
fn an_example_names_the_file_that_it_runs() {
    for format in FORMATS {
        if let Content::Network(network) = &format.content {
            assert!(network.example.contains(&format!("\"{}", format.file)), "{}", format.name);
            for given in ["names = ", "probabilities = "] {
                assert!(network.example.contains(given), "{}", format.name);
            }
        }
    }
}
