//! Exported files, run by Kiln's reader and by `rten`, against the reference's own results.

use std::collections::BTreeMap;

use prost::Message as _;
use serde_json::{Value, json};

use super::{
    proto::{Dimension, ModelProto},
    rten::Rten,
    *,
};
use crate::{
    arch::{Arch, Computation},
    export::{
        Engine, Options,
        verify::{largest_difference, probabilities},
    },
    network::test_support,
    weights::{self, Weights},
};

const TINY: [(&str, &[u8]); 3] = [
    ("tiny-yolo11", include_bytes!("../../../tests/fixtures/weights/tiny-yolo11.pt")),
    ("tiny-yolov8", include_bytes!("../../../tests/fixtures/weights/tiny-yolov8.pt")),
    ("tiny-yolo12", include_bytes!("../../../tests/fixtures/weights/tiny-yolo12.pt")),
];
const EXPECTED: &str = include_str!("../../../tests/fixtures/weights/expected.json");
const PICTURES: [(&str, &[u8]); 2] = [
    ("tall_64", include_bytes!("../../../tests/fixtures/weights/tall_64_u8_chw.npy")),
    ("wide_64", include_bytes!("../../../tests/fixtures/weights/wide_64_u8_chw.npy")),
];

struct Trained {
    arch: Arch,
    weights: Weights,
    names: Vec<String>,
    eval: Value,
}

impl Trained {
    fn read(bytes: &[u8]) -> Self {
        let file = weights::from_bytes(bytes).unwrap();
        let (text, names) = (file.arch.unwrap(), file.names.unwrap());
        let arch = Arch::parse(&file.arch_name.unwrap(), &text, names.len()).unwrap();
        Self {
            arch,
            weights: file.weights,
            names,
            eval: json!([{"type": "resize"}, {"type": "center_crop"}]),
        }
    }

    fn model(&self, size: usize, dynamic_batch: bool) -> Model<'_> {
        let Self { arch, weights, names, eval } = self;
        Model { arch, weights, names, size, eval, options: Options { dynamic_batch, ..Options::default() } }
    }

    fn onnx(&self, size: usize) -> Vec<u8> {
        bytes(&self.model(size, false)).unwrap()
    }

    fn decoded(&self) -> ModelProto {
        ModelProto::decode(&*self.onnx(64)).unwrap()
    }
}

/// What runs the bytes of a file.
fn engines(onnx: Vec<u8>) -> [Box<dyn Engine>; 2] {
    [Box::new(ONNX.engine(unpacked(&onnx).unwrap().network)), Box::new(Rten::load(onnx))]
}

/// The image's pixels, `[3, 64, 64]`, from 0 to 1.
fn pixels(npy: &[u8]) -> Vec<f32> {
    npy[npy.len() - 3 * 64 * 64..].iter().map(|pixel| f32::from(*pixel) / 255.0).collect()
}

fn expected(name: &str, image: &str) -> Vec<f32> {
    let all: Value = serde_json::from_str(EXPECTED).unwrap();
    serde_json::from_value(all[name]["outputs"][image]["probs"].clone()).unwrap()
}

#[test]
fn both_engines_give_the_references_probabilities() {
    for (name, bytes) in TINY {
        for engine in engines(Trained::read(bytes).onnx(64)) {
            for (image, npy) in PICTURES {
                let given = engine.probabilities(&pixels(npy), 64).unwrap();
                let difference = largest_difference(&given, &expected(name, image));
                assert!(difference < 1e-5, "{} {name} {image}: {difference}", engine.name());
            }
        }
    }
}

/// Every kind of row, with weights that make the network sure of itself.
#[test]
fn both_engines_agree_about_every_block() {
    let (size, eval) = (64, json!([]));
    let names: Vec<String> = (0..6).map(|class| class.to_string()).collect();
    let pixels = test_support::pixels(size);
    for arch in test_support::archs() {
        let weights = test_support::weights(&arch);
        let options = Options::default();
        let model = Model { arch: &arch, weights: &weights, names: &names, size, eval: &eval, options };
        let logits = test_support::logits(Computation::of(&arch), &weights, &pixels, size);
        let expected = probabilities(&logits, pixels.len() / (3 * size * size));
        let spread = expected.iter().fold(0.0_f32, |most, x| most.max(*x)) - 1.0 / 6.0;
        for engine in engines(bytes(&model).unwrap()) {
            let difference = largest_difference(&engine.probabilities(&pixels, size).unwrap(), &expected);
            let (name, arch) = (engine.name(), &arch.name);
            assert!(spread > 0.05 && difference < 1e-5, "{name} {arch}: {difference}, {expected:?}");
        }
    }
}

#[test]
fn a_dynamic_batch_gives_the_same_row_by_row() {
    for (name, pt) in TINY {
        let onnx = bytes(&Trained::read(pt).model(64, true)).unwrap();
        let both: Vec<f32> = PICTURES.iter().flat_map(|(_, npy)| pixels(npy)).collect();
        let rows: Vec<f32> = PICTURES.iter().flat_map(|(image, _)| expected(name, image)).collect();
        for engine in engines(onnx) {
            let given = engine.probabilities(&both, 64).unwrap();
            assert!(largest_difference(&given, &rows) < 1e-5, "{} {name}", engine.name());
        }
    }
}

#[test]
fn the_interface_is_the_references() {
    let trained = Trained::read(TINY[0].1);
    for (dynamic, first) in [(false, Dimension::Value(1)), (true, Dimension::Param("batch".to_owned()))] {
        let file = ModelProto::decode(&*bytes(&trained.model(64, dynamic)).unwrap()).unwrap();
        let graph = file.graph.unwrap();
        let shape = |value: &proto::ValueInfoProto| -> Vec<Dimension> {
            let tensor = value.r#type.clone().unwrap().tensor_type.unwrap();
            tensor.shape.unwrap().dim.into_iter().map(|dim| dim.value.unwrap()).collect()
        };
        let size = Dimension::Value(64);
        assert_eq!((graph.input[0].name.as_str(), graph.output[0].name.as_str()), (IMAGES, PROBABILITIES));
        assert_eq!(shape(&graph.input[0]), [first.clone(), Dimension::Value(3), size.clone(), size]);
        assert_eq!(shape(&graph.output[0]), [first, Dimension::Value(4)]);
    }
}

/// The reference's own file for this network has the same operations (docs/reference.md, ONNX).
#[test]
fn the_graph_has_the_references_operations() {
    let graph = Trained::read(TINY[0].1).decoded().graph.unwrap();
    let mut census: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &graph.node {
        *census.entry(&node.op_type).or_default() += 1;
    }
    let expected = [
        ("Add", 9),
        ("Concat", 7),
        ("Conv", 39),
        ("Flatten", 1),
        ("Gemm", 1),
        ("GlobalAveragePool", 1),
        ("MatMul", 2),
        ("Mul", 36),
        ("Reshape", 3),
        ("Sigmoid", 35),
        ("Softmax", 2),
        ("Split", 6),
        ("Transpose", 2),
    ];
    assert_eq!(census, BTreeMap::from(expected));
    assert!(
        ["model.0.conv.weight", "model.0.conv.bias", "model.10.linear.weight"]
            .iter()
            .all(|name| graph.initializer.iter().any(|tensor| tensor.name == *name))
    );
    assert!(graph.initializer.iter().all(|tensor| !tensor.name.contains(".bn.")));
}

#[test]
fn the_metadata_says_how_to_use_the_file() {
    let mut trained = Trained::read(TINY[0].1);
    trained.names[1] = "it's \"b\"".to_owned();
    let entries: BTreeMap<String, String> =
        trained.decoded().metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
    assert_eq!(entries["imgsz"], "[64, 64]");
    assert_eq!(entries["names"], r#"{0: 'class a', 1: 'it\'s "b"', 2: 'class c', 3: 'class d'}"#);
    let names: Vec<String> = serde_json::from_str(&entries["kiln.names"]).unwrap();
    assert_eq!(names, trained.names);
    let preprocessing: Value = serde_json::from_str(&entries["kiln.preprocessing"]).unwrap();
    assert_eq!((&preprocessing["steps"], &preprocessing["size"]), (&trained.eval, &json!(64)));
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let trained = Trained::read(TINY[2].1);
    assert_eq!(trained.onnx(64), trained.onnx(64));
}

#[test]
fn what_can_t_be_exported_says_why() {
    let reason = |trained: &Trained, size| bytes(&trained.model(size, false)).unwrap_err().to_string();
    let mut trained = Trained::read(TINY[0].1);
    trained.names.pop();
    assert_eq!(reason(&trained, 64), "the network has 4 classes, but 3 names");
    trained.weights.remove("model.4.cv1.bn.bias");
    assert_eq!(reason(&trained, 64), "the model has no model.4.cv1.bn.bias");
    trained.weights.get_mut("model.0.conv.weight").unwrap().shape = vec![8, 3, 9, 1];
    assert_eq!(reason(&trained, 64), "model.0.conv.weight has the shape [8, 3, 9, 1], not [8, 3, 3, 3]");
    let areas = reason(&Trained::read(TINY[2].1), 40);
    assert_eq!(areas, "9 positions can't be divided into 4 areas at model.6.m.0.0.attn");
}

/// A file that prepares images itself.
fn preparing(trained: &Trained, dynamic_batch: bool) -> Result<Vec<u8>> {
    let mut model = trained.model(64, dynamic_batch);
    model.options.include = Some(Include::Preprocessing);
    bytes(&model)
}

#[test]
fn a_file_that_prepares_images_holds_the_same_network() {
    for (name, weights) in TINY {
        let trained = Trained::read(weights);
        for dynamic_batch in [false, true] {
            let plain = unpacked(&bytes(&trained.model(64, dynamic_batch)).unwrap()).unwrap();
            let preparing = unpacked(&preparing(&trained, dynamic_batch).unwrap()).unwrap();
            assert_eq!(preparing.network.instructions, plain.network.instructions, "{name}");
            assert_eq!(preparing.network.shapes, plain.network.shapes);
            assert_eq!(preparing.network.constants, plain.network.constants);
            assert_eq!(preparing.told.eval(), Some(trained.eval.clone()));
        }
    }
}

#[test]
fn a_file_that_prepares_images_otherwise_than_it_tells_is_refused() {
    let mut file = ModelProto::decode(&*preparing(&Trained::read(TINY[0].1), false).unwrap()).unwrap();
    let resize = file.graph.as_mut().unwrap().node.iter_mut().find(|node| node.op_type == "Resize").unwrap();
    resize.attribute.retain(|attribute| attribute.name != "antialias");
    let error = unpacked(&file.encode_to_vec()).unwrap_err().to_string();
    assert_eq!(error, "it prepares images in another way than it tells");
    file.metadata_props.retain(|entry| !entry.key.starts_with("kiln"));
    let error = unpacked(&file.encode_to_vec()).unwrap_err().to_string();
    assert_eq!(error, "it takes pixels, and does not tell how they are prepared");
}

#[test]
fn what_onnx_can_not_prepare_is_refused() {
    let refused = |eval: Value| {
        let trained = Trained { eval, ..Trained::read(TINY[0].1) };
        preparing(&trained, false).map(drop).map_err(|error| error.to_string())
    };
    let normalize = json!({"type": "normalize", "std": [0.5, 0.5, 0.5]});
    assert_eq!(refused(json!([{"type": "squash"}, normalize, normalize])), Ok(()));
    let bars = "the eval chain's step letterbox can't be in an ONNX file".to_owned();
    assert_eq!(refused(json!([{"type": "letterbox"}])), Err(bars));
    let small = json!([{"type": "resize", "size": 32}, {"type": "center_crop"}]);
    let border = "the eval chain's step center_crop of images that may be smaller can't be in an ONNX file";
    assert_eq!(refused(small), Err(border.to_owned()));
}
