//! Model YAMLs as their authors meet them: every kind of mistake in its place, and those that are right.

use std::{fs, path::Path};

use burn::tensor::Tensor;
use kiln::{
    arch::{Arch, Computation, Costs},
    device_name::DeviceName,
    network::{
        Mode, Network,
        parameters::{to_vec, values},
    },
    nodes::arch::{self, Mistaken},
    spec::render::{self, Style},
    weights::fresh,
};
use proptest::prelude::*;

mod kit;

fn mistaken(path: &Path) -> Mistaken {
    match arch::read(path, None) {
        Err(mistaken) => *mistaken,
        Ok(_) => panic!("{} has no problem", path.display()),
    }
}

#[test]
fn every_mistake_is_shown_in_its_place() {
    for path in kit::yaml_files("tests/fixtures/invalid_arch") {
        let Mistaken { source, problems } = mistaken(&path);
        let text = render::human(&source, &problems, Style::PLAIN);
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), text);
    }
}

/// Where only one sentence can be said, it is the first mistake.
#[test]
fn a_mistake_in_one_sentence() {
    let text = fs::read_to_string("tests/fixtures/invalid_arch/unknown_module.yaml").unwrap();
    let error = Arch::parse("mine", &text, 10).unwrap_err();
    let expected =
        "the architecture mine can't be built: backbone[1]: there is no module `C3k_2` (and 2 more)";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().starts_with("did you mean `C3k2`?"), "{:?}", error.hint());
}

/// Rows with modules and arguments that no built-in architecture has make a network, and it computes.
#[test]
fn every_module_computes() {
    let arch = Arch::parse("own", OWN, 7).unwrap();
    let (computation, device) = (Computation::of(&arch), kiln::device::open(DeviceName::Cpu).unwrap());
    let values = values(&fresh(&computation, 0), &device);
    let images = Tensor::ones([2, 3, 64, 64], &device);
    let logits = Network::new(computation).forward(&values, images, &Mode::Eval).logits;
    assert_eq!((logits.dims(), Costs::of(&arch, 64).unwrap().shapes.last()), ([2, 7], Some(&vec![7])));
    assert!(to_vec(logits).iter().all(|logit| logit.is_finite() && *logit != 0.0));
}

/// Every module that no built-in architecture has.
const OWN: &str = "\
scales: { n: [0.5, 0.25, 1024] }
activation: nn.ReLU()
backbone:
  - [-1, 1, Conv, [64, 3, 2, 1, 1, 1, false]]
  - [-1, 3, DWConv, [64, 5]]
  - [-1, 3, Bottleneck, [64, true, 2, [1, 3], 0.25]]
  - [-1, 2, C3, [128, true]]
  - [-1, 2, C3k, [128, false, 1, 0.5, 5]]
  - [-1, 2, C2f, [128, true, 2, 0.25]]
  - [[-1], 2, A2C2f, [256, false, -1]]
  - [6, 1, SPPF, [256, 5]]
head:
  - [-1, 1, Classify, [nc]]
";

#[test]
fn a_name_with_a_letter_chooses_the_scale() {
    let text = "scales: {n: [1.0, 0.5, 64], s: [1.0, 1.0, 32]}\nbackbone: [[-1, 1, Conv, [64]]]\nhead: [[-1, 1, Classify, [nc]]]";
    let channels = |name| Arch::parse(name, text, 2).unwrap().rows[0].out_channels;
    assert_eq!([channels("yolo11n-mine"), channels("yolo11s-mine"), channels("mine")], [32, 32, 32]);
    let error = Arch::parse("yolo11x-mine", text, 2).unwrap_err();
    assert!(error.to_string().contains("asks for the scale `x`"), "{error}");
}

proptest! {
    /// Any row is a network or a mistake; none is a panic, and none of the networks is too large to walk.
    #[test]
    fn no_row_makes_reading_panic(
        module in prop::sample::select(vec!["Conv", "DWConv", "Bottleneck", "C2f", "C3", "C3k", "C3k2", "C2PSA",
            "A2C2f", "SPPF", "ResNetLayer", "TorchVision", "Classify", "Other", "Focus", "GhostConv",
            "GhostBottleneck", "C1", "C2", "C2fCIB", "C2fPSA", "C3Ghost", "RepC3", "PSA", "SPP", "SPPELAN", "ELAN1",
            "RepNCSPELAN4", "SCDown"]),
        repeats in prop_oneof![Just(0_i64), 1..4_i64, Just(100_000)],
        arguments in prop::collection::vec(prop_oneof![
            Just("null".to_owned()), Just("nc".to_owned()), Just("true".to_owned()), Just("[3, 3]".to_owned()), Just("[5, 9, 13]".to_owned()),
            (-2..600_i64).prop_map(|number| number.to_string()),
            (0.0..3.0_f64).prop_map(|number| number.to_string()),
        ], 0..9),
        width in prop_oneof![Just(1.0), 0.01..3.0_f64],
    ) {
        let row = format!("[-1, {repeats}, {module}, [{}]]", arguments.join(", "));
        let text = format!(
            "scales: {{n: [0.5, {width}, 1024]}}\nbackbone:\n  - [-1, 1, Conv, [64, 3]]\n  - {row}\n  - {row}\n\
             head:\n  - [-1, 1, Classify, [nc]]\n"
        );
        if let Ok(arch) = Arch::parse("any", &text, 3) {
            prop_assert!(!Computation::of(&arch).shapes().is_empty());
        }
    }
}
