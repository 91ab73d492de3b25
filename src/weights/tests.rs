//! Whole files: the reference's own, hand-made ones, and damaged ones.

use std::{
    fs,
    io::{Cursor, Read as _, Write as _},
    sync::LazyLock,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::*;

const TINY: [(&str, &[u8]); 3] = [
    ("tiny-yolo11", include_bytes!("../../tests/fixtures/weights/tiny-yolo11.pt")),
    ("tiny-yolov8", include_bytes!("../../tests/fixtures/weights/tiny-yolov8.pt")),
    ("tiny-yolo12", include_bytes!("../../tests/fixtures/weights/tiny-yolo12.pt")),
];
/// What PyTorch wrote (make.py says how): number `i` of tensor `t` is `(16 t + i) / 8`.
const STATE_DICT: &[u8] = include_bytes!("../../tests/fixtures/weights/state-dict.pt");
const BF16: &[u8] = include_bytes!("../../tests/fixtures/weights/bf16.pt");
const VIEWS: &[u8] = include_bytes!("../../tests/fixtures/weights/views.pt");
const MID_TRAINING: &[u8] = include_bytes!("../../tests/fixtures/weights/mid-training.pt");
const LEGACY: &[u8] = include_bytes!("../../tests/fixtures/weights/legacy.pt");
const LEGACY_MODULE: &[u8] = include_bytes!("../../tests/fixtures/weights/legacy-module.pt");
const TORCHSCRIPT: &[u8] = include_bytes!("../../tests/fixtures/weights/torchscript.pt");
const EXPECTED: &str = include_str!("../../tests/fixtures/weights/expected.json");

/// The entries of an archive, by name.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let entry = |i| {
        let mut entry = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.name().unwrap().into_owned(), bytes)
    };
    (0..ZipArchive::new(Cursor::new(bytes)).unwrap().len()).map(entry).collect()
}

fn archive(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(name.as_str(), stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive with this pickle and one storage, `0`, of the floats 0 to 5.
fn file(pickle: &[u8]) -> Vec<u8> {
    let floats = (0..6_u8).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    let pickle = [pickle, b"."].concat();
    archive(&[("archive/data.pkl".to_owned(), pickle), ("archive/data/0".to_owned(), floats)])
}

fn tuple(numbers: &[u64]) -> String {
    let numbers: String = numbers.iter().map(|number| format!("I{number}\n")).collect();
    format!("({numbers}t")
}

/// A view of storage `0`, in protocol 0.
fn tensor(offset: u64, shape: &[u64], strides: &[u64]) -> String {
    let storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI6\ntQ";
    let (shape, strides) = (tuple(shape), tuple(strides));
    format!(
        "ctorch._utils\n_rebuild_tensor_v2\n({storage}I{offset}\n{shape}{strides}I00\nccollections\nOrderedDict\n)RtR"
    )
}

fn dict(entries: &[(&str, &str)]) -> String {
    let entries: String = entries.iter().map(|(name, value)| format!("S'{name}'\n{value}s")).collect();
    format!("(d{entries}")
}

fn read_pickle(pickle: &str) -> Result<ModelFile> {
    from_bytes(&file(pickle.as_bytes()))
}

fn reason(result: Result<ModelFile>) -> String {
    match result {
        // Not `unwrap_err`: it would print all the weights.
        Ok(_) => panic!("the file should be refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_references_checkpoints_are_read_whole() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    for (name, bytes) in TINY {
        let model = from_bytes(bytes).unwrap();
        let norms = model.weights.keys().filter(|name| name.ends_with("running_var")).count();
        let expected = &expected[name];
        assert_eq!(json!(model.weights.len() + norms), expected["tensors"], "{name}");
        let trained = model.weights.iter().filter(|(name, _)| !name.contains(".running_"));
        let parameters: usize = trained.map(|(_, array)| array.data.len()).sum();
        assert_eq!(json!(parameters), expected["parameters"], "{name}");
        assert_eq!(model.names.unwrap(), ["class a", "class b", "class c", "class d"], "{name}");
        let yaml = expected["yaml"].as_str().unwrap().strip_suffix(".yaml").unwrap();
        assert_eq!(model.arch_name.as_deref(), Some(yaml));
        assert_eq!((model.size, &model.transforms), (Some(64), &None), "{name}");
        assert!(
            model.weights.values().all(|array| array.data.iter().all(|value| value.is_finite())),
            "{name}"
        );
    }
}

#[test]
fn shapes_are_those_of_the_network() {
    let model = from_bytes(TINY[0].1).unwrap();
    let shape = |name: &str| model.weights[name].shape.clone();
    assert_eq!(shape("model.0.conv.weight"), [8, 3, 3, 3]);
    assert_eq!(shape("model.10.linear.weight"), [4, 1280]);
    assert_eq!(shape("model.9.m.0.attn.pe.bn.running_var").len(), 1);
}

#[test]
fn the_model_yaml_becomes_text_again() {
    insta::assert_snapshot!(from_bytes(TINY[0].1).unwrap().arch.unwrap());
}

#[test]
fn a_state_dict_is_read_wherever_it_lies() {
    let weights =
        dict(&[("a.weight", &tensor(1, &[2, 2], &[1, 2])), ("a.num_batches_tracked", &tensor(0, &[], &[]))]);
    let wrapped = dict(&[("module.a.weight", &tensor(1, &[2, 2], &[1, 2]))]);
    let inside = dict(&[("epoch", "I3\n"), ("model", "N"), ("state_dict", &weights)]);
    let averaged = dict(&[("model", &dict(&[("b", &tensor(0, &[1], &[1]))])), ("ema", &weights)]);
    for pickle in [weights.clone(), wrapped, inside, averaged] {
        let model = read_pickle(&pickle).unwrap();
        let array = Array { shape: vec![2, 2], data: vec![1.0, 3.0, 2.0, 4.0] };
        assert_eq!(model.weights, Weights::from([("a.weight".to_owned(), array)]));
    }
}

/// Weights numbered as make.py numbers them.
fn numbered(prefix: &str, shapes: &[(&str, &[usize])]) -> Weights {
    let array = |t: usize, shape: &[usize]| {
        let number = |i: usize| f32::from(u16::try_from(16 * t + i).unwrap()) / 8.0;
        Array { shape: shape.to_vec(), data: (0..shape.iter().product()).map(number).collect() }
    };
    let named = |(t, (name, shape)): (usize, &(&str, &[usize]))| (format!("{prefix}{name}"), array(t, shape));
    shapes.iter().enumerate().map(named).collect()
}

const BLOCK: [(&str, &[usize]); 5] = [
    ("conv.weight", &[2, 1, 2, 2]),
    ("bn.weight", &[2]),
    ("bn.bias", &[2]),
    ("bn.running_mean", &[2]),
    ("bn.running_var", &[2]),
];

#[test]
fn pytorchs_state_dicts_are_read() {
    let weights = numbered("", &BLOCK);
    let expected = ModelFile { weights, ..ModelFile::default() };
    for bytes in [STATE_DICT, BF16] {
        assert_eq!(from_bytes(bytes).unwrap(), expected);
    }
}

#[test]
fn views_of_one_storage_are_read_each_in_its_way() {
    let weights = from_bytes(VIEWS).unwrap().weights;
    let eighths = |numbers: [u8; 6]| numbers.map(|number| f32::from(number) / 8.0).to_vec();
    assert_eq!(weights["a.weight"], Array { shape: vec![2, 3], data: eighths([0, 1, 2, 3, 4, 5]) });
    assert_eq!(weights["b.weight"], Array { shape: vec![3, 2], data: eighths([0, 3, 1, 4, 2, 5]) });
}

#[test]
fn a_checkpoint_of_running_training_gives_its_averaged_network() {
    let head: [(&str, &[usize]); 2] = [("2.weight", &[3, 2]), ("2.bias", &[3])];
    let block = BLOCK.map(|(name, shape)| (format!("0.{name}"), shape));
    let shapes: Vec<(&str, &[usize])> =
        block.iter().map(|(name, shape)| (name.as_str(), *shape)).chain(head).collect();
    let model = from_bytes(MID_TRAINING).unwrap();
    assert_eq!(model.weights, numbered("model.", &shapes));
    assert_eq!(model.names.unwrap(), ["cat", "dog", "写真"]);
    assert_eq!((model.arch_name.as_deref(), model.size), (Some("yolo11n-cls"), Some(64)));
    let chain = json!([
        {"type": "resize", "interpolation": "bicubic", "size": 73},
        {"type": "center_crop"},
        {"type": "normalize", "mean": [0.5, 0.25, 0.0], "std": [1.0, 2.0, 4.0]},
    ]);
    assert_eq!(model.transforms, Some(chain));
    insta::assert_snapshot!(model.arch.unwrap());
}

#[test]
fn formats_that_hold_no_checkpoint_say_what_to_do() {
    let error = from_bytes(TORCHSCRIPT).unwrap_err();
    insta::assert_snapshot!(format!("{error}; {}", error.hint().unwrap_or_default()));
}

#[test]
fn pytorchs_old_format_is_read() {
    assert_eq!(from_bytes(LEGACY).unwrap(), from_bytes(STATE_DICT).unwrap());
    // A whole module, whose class comes with its source.
    let module = from_bytes(LEGACY_MODULE).unwrap();
    assert_eq!(module.weights, from_bytes(STATE_DICT).unwrap().weights);
}

#[test]
fn every_cut_is_noticed() {
    let safetensors = to_bytes(&from_bytes(STATE_DICT).unwrap()).unwrap();
    let burnpack = to_burnpack(&from_bytes(STATE_DICT).unwrap()).unwrap();
    for whole in [STATE_DICT, LEGACY, &safetensors, &burnpack] {
        for end in 0..whole.len() {
            let reason = reason(from_bytes(&whole[..end]));
            assert!(end < 16 || !reason.starts_with("it is no"), "{end}: {reason}");
        }
    }
    let told = [STATE_DICT, LEGACY, &safetensors, &burnpack].map(|whole| {
        let cuts = [whole.len() - 1, whole.len() / 2, 20].map(|end| reason(from_bytes(&whole[..end])));
        cuts.join("\n")
    });
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(
        reason(from_bytes(&[&safetensors[..], b"!"].concat())),
        "it is damaged: it goes on for 1 bytes after its last array"
    );
}

/// What is repaired for one format is repaired for all.
#[test]
fn wrappers_are_taken_off_in_every_format() {
    let plain = from_bytes(STATE_DICT).unwrap();
    for wrapper in ["module.", "_orig_mod.", "module._orig_mod."] {
        let wrapped = |(name, array): (&String, &Array)| (format!("{wrapper}{name}"), array.clone());
        let wrapped = ModelFile { weights: plain.weights.iter().map(wrapped).collect(), ..plain.clone() };
        for write in [to_bytes, to_burnpack, to_state_dict] {
            assert!(from_bytes(&write(&wrapped).unwrap()).unwrap().weights == plain.weights, "{wrapper}");
        }
    }
}

#[test]
fn what_no_network_has_is_refused_in_every_format() {
    let array = |shape: &[usize]| Array { shape: shape.to_vec(), data: vec![1.0] };
    let file = |weights: Weights| ModelFile { weights, ..ModelFile::default() };
    let long = file(Weights::from([("n".repeat(2000), array(&[1]))]));
    let deep = file(Weights::from([("a".to_owned(), array(&[1; 20]))]));
    let many = file((0..=MAX_TENSORS).map(|i| (i.to_string(), array(&[1]))).collect());
    for write in [to_bytes, to_burnpack, to_state_dict] {
        assert_eq!(
            reason(from_bytes(&write(&long).unwrap())),
            "it has names that are too long for parameters"
        );
        assert_eq!(reason(from_bytes(&write(&many).unwrap())), "it has more arrays than any network");
        let reason = reason(from_bytes(&write(&deep).unwrap()));
        assert!(
            ["it has arrays with more dimensions", "it has a tensor with an impossible shape"]
                .iter()
                .any(|start| reason.starts_with(start)),
            "{reason}"
        );
    }
    let named =
        ModelFile { arch_name: Some("a\u{1b}[31m\nb".repeat(1000)), ..from_bytes(STATE_DICT).unwrap() };
    let name = from_bytes(&to_bytes(&named).unwrap()).unwrap().arch_name.unwrap();
    assert!(name.starts_with("a\\u{1b}[31m\\nb") && name.len() < 500, "{name}");
    let size = ModelFile { size: Some(1 << 40), ..from_bytes(STATE_DICT).unwrap() };
    assert_eq!(reason(from_bytes(&to_bytes(&size).unwrap())), "it has an image size that can't be");
}

/// A protocol-0 object with a state.
fn object(module: &str, class: &str, state: &[(&str, &str)]) -> String {
    format!("c{module}\n{class}\n(tR{}b", dict(state))
}

/// A checkpoint as the reference writes it, with these steps as its transforms.
fn checkpoint(steps: &[String], size: &str) -> Result<ModelFile> {
    let compose = object(
        "torchvision.transforms.transforms",
        "Compose",
        &[("transforms", &format!("({}l", steps.concat()))],
    );
    let parameters = dict(&[("weight", &tensor(0, &[2], &[1]))]);
    let names = "(dI1\nS'b'\nsI0\nS'a'\ns";
    let modules =
        dict(&[("fc", &object("torch.nn.modules.linear", "Linear", &[("_parameters", &parameters)]))]);
    let state = [("_modules", modules.as_str()), ("names", names), ("transforms", &compose)];
    let model = object("ultralytics.nn.tasks", "ClassificationModel", &state);
    read_pickle(&dict(&[("ema", "N"), ("model", &model), ("train_args", &dict(&[("imgsz", size)]))]))
}

fn step(class: &str, state: &[(&str, &str)]) -> String {
    object("torchvision.transforms.transforms", class, state)
}

#[test]
fn a_checkpoints_transforms_become_an_eval_chain() {
    let mode = "ctorchvision.transforms.functional\nInterpolationMode\n(S'bicubic'\ntR";
    let resize = step("Resize", &[("size", "I73\n"), ("interpolation", mode)]);
    let (crop, float) = (step("CenterCrop", &[("size", "(I64\nI64\nt")]), step("ToTensor", &[]));
    let mean = "(F0.5\nF0.25\nF0\nt";
    let normal = step("Normalize", &[("mean", mean), ("std", &tensor(1, &[3], &[1]))]);
    let idle = step("Normalize", &[("mean", &tensor(0, &[3], &[0])), ("std", &tensor(1, &[3], &[0]))]);
    let model = checkpoint(&[resize.clone(), crop.clone(), float.clone(), normal], "I64\n").unwrap();
    let chain = json!([
        {"type": "resize", "interpolation": "bicubic", "size": 73},
        {"type": "center_crop"},
        {"type": "normalize", "mean": [0.5, 0.25, 0.0], "std": [1.0, 2.0, 3.0]},
    ]);
    assert_eq!((model.size, model.transforms, model.remark), (Some(64), Some(chain), None));
    assert_eq!((model.names, model.weights.len()), (Some(vec!["a".to_owned(), "b".to_owned()]), 1));
    let own = step("Resize", &[("size", "I64\n")]);
    let chain = json!([{"type": "resize", "interpolation": "bilinear"}, {"type": "center_crop"}]);
    assert_eq!(checkpoint(&[own, crop.clone(), float, idle], "I64\n").unwrap().transforms, Some(chain));
    for (steps, size) in
        [(vec![resize.clone(), crop.clone()], "I32\n"), (vec![resize, step("Grayscale", &[]), crop], "I64\n")]
    {
        assert_eq!(checkpoint(&steps, size).unwrap().transforms, None);
    }
    let foreign = checkpoint(&[step("Pad", &[]), step("ToTensor", &[])], "I64\n").unwrap();
    insta::assert_snapshot!(foreign.remark.unwrap(), @"Kiln can't do all of the file's own eval transforms (Pad, ToTensor) and resizes and crops instead: its numbers may differ");
}

#[test]
fn a_network_without_weights_is_described_too() {
    let model = ModelFile { arch_name: Some("yolo11n-cls".to_owned()), ..ModelFile::default() };
    assert_eq!(from_bytes(&to_bytes(&model).unwrap()).unwrap(), model);
    let none: [(&str, ::safetensors::tensor::TensorView<'_>); 0] = [];
    assert_eq!(reason(from_bytes(&::safetensors::serialize(none, None).unwrap())), "it has no weights");
}

#[test]
fn hostile_tensors_are_refused() {
    let one = |tensor: String| reason(read_pickle(&dict(&[("a", &tensor)])));
    assert_eq!(one(tensor(5, &[2], &[1])), "it has a tensor that reaches beyond its storage");
    assert_eq!(one(tensor(0, &[1 << 40], &[0])), "it has tensors with more elements than the file");
    assert_eq!(
        one(tensor(0, &[1 << 40, 1 << 40], &[0, 0])),
        "it has tensors with more elements than the file"
    );
    assert_eq!(one(tensor(0, &[2], &[u64::MAX >> 1])), "it has a tensor that reaches beyond its storage");
    let views: Vec<(String, String)> = (0..40).map(|i| (format!("t{i}"), tensor(0, &[60], &[0]))).collect();
    let views: Vec<(&str, &str)> =
        views.iter().map(|(name, tensor)| (name.as_str(), tensor.as_str())).collect();
    assert!(read_pickle(&dict(&views)).is_ok());
    let large: Vec<(String, String)> = (0..40).map(|i| (format!("t{i}"), tensor(0, &[600], &[0]))).collect();
    let large: Vec<(&str, &str)> =
        large.iter().map(|(name, tensor)| (name.as_str(), tensor.as_str())).collect();
    assert_eq!(reason(read_pickle(&dict(&large))), "it has tensors with more elements than the file");
}

/// Small files that would become large, or keep a reader busy for ever.
#[test]
fn bombs_are_refused() {
    let tensor = tensor(0, &[0], &[1]);
    // One long name, put before the names of many.
    let long = "n".repeat(2000);
    assert_eq!(
        reason(read_pickle(&dict(&[(&long, &tensor)]))),
        "it has names that are too long for parameters"
    );
    // One dict of tensors in very many modules.
    let parameters = dict(&[("a", &tensor), ("b", &tensor)]);
    let leaf = format!("{}p1\n", object("m", "Leaf", &[("_modules", "(d"), ("_parameters", &parameters)]));
    let many: String = (0..20_000).map(|i| format!("S'{i}'\ng1\ns")).collect();
    let all = object("m", "Net", &[("_modules", &format!("(dS'first'\n{leaf}s{many}"))]);
    assert_eq!(reason(read_pickle(&all)), "it has more modules inside modules than any network");
    // One dict of very many entries that all modules share: each is looked through.
    let entries: String = (0..1000).map(|i| format!("I{i}\nNs")).collect();
    let leaf = format!("cm\nLeaf\n(tR(d{entries}bp1\n");
    let many: String = (0..9000).map(|i| format!("S'{i}'\ng1\ns")).collect();
    let all = object("m", "Net", &[("_modules", &format!("(dS'first'\n{leaf}s{many}"))]);
    assert_eq!(reason(read_pickle(&all)), "it has more nested parts than any model");
    // One name for all classes: read, but no names are taken.
    let name = format!("S'{}'\np2\n", "c".repeat(4000));
    let names: String = (1..10_000).map(|i| format!("I{i}\ng2\ns")).collect();
    let modules = dict(&[("fc", &object("m", "Linear", &[("_parameters", &dict(&[("w", &tensor)]))]))]);
    let net = object("m", "Net", &[("_modules", &modules), ("names", &format!("(dI0\n{name}s{names}"))]);
    assert_eq!(read_pickle(&net).unwrap().names, None);
}

#[test]
fn a_storage_has_one_type_and_size() {
    let float = tensor(0, &[1], &[1]);
    for other in [float.replace("FloatStorage", "IntStorage"), float.replace("I6\n", "I5\n")] {
        let both = dict(&[("a", &float), ("b", &other)]);
        assert_eq!(reason(read_pickle(&both)), "it has a storage of two types or sizes");
    }
    assert_eq!(
        reason(read_pickle(&dict(&[("a", &float.replace("I6\n", "I5\n"))]))),
        "storage 0 has 24 bytes, not the 5 elements that it should"
    );
    assert_eq!(
        reason(read_pickle(&dict(&[("a", &float.replace("S'0'", "S'../../0'"))]))),
        "it is damaged: its archive has no archive/data/../../0"
    );
}

#[test]
fn a_module_inside_itself_is_refused() {
    let modules = "cm\nNet\n)\u{81}p0\n(dS'_modules'\n(dS'a'\ng0\nsS'b'\ng0\nssb";
    // `NEWOBJ` is one byte, not a character.
    let pickle: Vec<u8> = modules.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(reason(from_bytes(&file(&pickle))), "it has more modules inside modules than any network");
}

#[test]
fn files_that_are_no_models_say_why() {
    assert_eq!(reason(from_bytes(b"")), "it is an empty file");
    assert_eq!(
        reason(from_bytes(b"hello, \xff\xfe")),
        "it is not a PyTorch archive, a safetensors file or a burnpack file"
    );
    assert_eq!(reason(read_pickle("(d")), "it has no network and no weights");
    assert_eq!(reason(read_pickle("I3\n")), "it has no network and no weights");
    let other = archive(&[("notes.txt".to_owned(), b"hi".to_vec())]);
    assert_eq!(reason(from_bytes(&other)), "it is a zip archive, but not one written by PyTorch");
    let error = read(Path::new("no/such.pt")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read no/such.pt");
}

#[test]
fn a_flipped_bit_in_a_weight_is_noticed() {
    let (name, bytes) = TINY[1];
    let mut bytes = bytes.to_vec();
    bytes[300_000] ^= 1;
    let reason = reason(from_bytes(&bytes));
    assert!(reason.starts_with("it is damaged: its entry "), "{name}: {reason}");
}

#[test]
fn a_path_stands_in_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pt");
    fs::write(&path, &TINY[0].1[..200_000]).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot read {} as a model: it is cut short", path.display())),
        "{error}"
    );
}

#[test]
fn safetensors_give_back_what_they_were_given() {
    let mut model = from_bytes(TINY[1].1).unwrap();
    model.training = Some(json!({"epoch": 3, "top1": 0.75}));
    let bytes = to_bytes(&model).unwrap();
    assert_eq!(from_bytes(&bytes).unwrap(), model);
    assert_eq!(to_bytes(&model).unwrap(), bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path, &model).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn every_format_gives_back_what_it_was_given() {
    let mut model = from_bytes(TINY[1].1).unwrap();
    model.training = Some(json!({"epoch": 3}));
    model.weights.insert("number".to_owned(), Array { shape: Vec::new(), data: vec![f32::MIN_POSITIVE] });
    model.weights.insert("none".to_owned(), Array { shape: vec![0, 3], data: Vec::new() });
    for write in [to_bytes, to_burnpack, to_state_dict] {
        let bytes = write(&model).unwrap();
        assert!(from_bytes(&bytes).unwrap() == model, "a format changes what it is given");
        assert!(write(&model).unwrap() == bytes, "a format has its moods");
    }
}

#[test]
fn a_state_dict_is_laid_out_as_pytorch_does() {
    let model = ModelFile { weights: numbered("", &BLOCK), ..ModelFile::default() };
    let bytes = to_state_dict(&model).unwrap();
    let mut zip = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let names: Vec<String> = entries(&bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..4], ["model/data.pkl", "model/byteorder", "model/data/0", "model/data/1"]);
    for i in 0..zip.len() {
        let entry = zip.by_index(i).unwrap();
        assert_eq!(entry.data_start().map(|start| start % 64), Some(0), "{:?}", entry.name());
    }
}

#[test]
fn burnpacks_of_others_have_weights_only() {
    use ::burn_pack::{Bytes, DType, Tensor, Writer};
    let of = |dtype, bytes: &[u8]| {
        let bytes = Bytes::from_bytes_vec(bytes.to_vec());
        let packed = Writer::new(vec![Tensor::new("a".to_owned(), dtype, vec![2], None, bytes)]).into_bytes();
        from_bytes(&packed.unwrap())
    };
    let weights = Weights::from([("a".to_owned(), Array { shape: vec![2], data: vec![1.0, -2.0] })]);
    assert_eq!(
        of(DType::BF16, &[0x80, 0x3f, 0, 0xc0]).unwrap(),
        ModelFile { weights, ..ModelFile::default() }
    );
    let bool = DType::Bool(burn::tensor::BoolStore::Native);
    assert!(reason(of(bool, &[1, 0])).starts_with("its array a has the type bool"));
    assert!(
        reason(from_bytes(&Writer::new(Vec::new()).into_bytes().unwrap())).starts_with("it has no weights")
    );
    let whole = to_burnpack(&from_bytes(TINY[1].1).unwrap()).unwrap();
    assert!(
        reason(from_bytes(&whole[..whole.len() - 1]))
            .starts_with("it is cut short or damaged: its arrays break off")
    );
}

#[test]
fn safetensors_of_others_have_weights_only() {
    let view =
        ::safetensors::tensor::TensorView::new(::safetensors::Dtype::BF16, vec![2], &[0x80, 0x3f, 0, 0xc0]);
    let bytes = ::safetensors::serialize([("a", view.unwrap())], None).unwrap();
    let model = from_bytes(&bytes).unwrap();
    let weights = Weights::from([("a".to_owned(), Array { shape: vec![2], data: vec![1.0, -2.0] })]);
    assert_eq!(model, ModelFile { weights, ..ModelFile::default() });
}

#[test]
fn a_wrong_shape_is_not_written() {
    let weights = Weights::from([("a".to_owned(), Array { shape: vec![3], data: vec![1.0] })]);
    let model = ModelFile { weights, ..ModelFile::default() };
    for write in [to_bytes, to_burnpack, to_state_dict] {
        assert_eq!(write(&model).unwrap_err().to_string(), "a has 1 numbers for the shape [3]");
    }
}

/// A part, a place in it, and what is put there.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn damaged_archives_never_panic(at in 0_usize..397_000, byte in any::<u8>(), end in 0_usize..397_589) {
        let mut bytes = TINY[1].1.to_vec();
        bytes[at] = byte;
        let _ = from_bytes(&bytes);
        let _ = from_bytes(&bytes[..end]);
    }

    /// With checksums that fit, so that the damage reaches the pickle machine and what follows it.
    #[test]
    fn damaged_pickles_never_panic(changes in prop::collection::vec((0_usize..39_000, any::<u8>()), 1..8)) {
        let mut parts = entries(TINY[1].1);
        for (at, byte) in changes {
            parts[0].1[at] = byte;
        }
        let _ = from_bytes(&archive(&parts));
    }

    /// The pickle and the entries of a small file, in every byte.
    #[test]
    fn damaged_checkpoints_never_panic(
        which in 0_usize..4,
        changes in changes(),
    ) {
        let mut parts = entries([STATE_DICT, BF16, VIEWS, MID_TRAINING][which]);
        parts.retain(|(_, bytes)| !bytes.is_empty());
        for (part, at, byte) in changes {
            let part = part.index(parts.len());
            let at = at.index(parts[part].1.len());
            parts[part].1[at] = byte;
        }
        let _ = from_bytes(&archive(&parts));
    }

    /// Small files of every format, in every byte, and then cut.
    #[test]
    fn damaged_files_never_panic(
        which in 0_usize..4,
        changes in changes(),
        end in any::<prop::sample::Index>(),
    ) {
        static SMALL: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
            let model = from_bytes(STATE_DICT).unwrap();
            [STATE_DICT.to_vec(), LEGACY.to_vec(), to_bytes(&model).unwrap(), to_burnpack(&model).unwrap()]
        });
        let mut bytes = SMALL[which].clone();
        for (_, at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = from_bytes(&bytes);
        let _ = from_bytes(&bytes[..end.index(bytes.len())]);
    }

    #[test]
    fn random_bytes_never_panic(
        start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"NRUB\x01\x00", b"\x40\0\0\0\0\0\0\0{", &LEGACY[..45]]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = from_bytes(&[start, &bytes].concat());
    }

    #[test]
    fn damaged_burnpacks_never_panic(changes in prop::collection::vec((0_usize..20_000, any::<u8>()), 1..4)) {
        static GOOD: LazyLock<Vec<u8>> =
            LazyLock::new(|| to_burnpack(&from_bytes(TINY[1].1).unwrap()).unwrap());
        let mut bytes = GOOD.clone();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = from_bytes(&bytes);
    }

    #[test]
    fn damaged_safetensors_never_panic(changes in prop::collection::vec((0_usize..20_000, any::<u8>()), 1..4)) {
        static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| to_bytes(&from_bytes(TINY[1].1).unwrap()).unwrap());
        let mut bytes = GOOD.clone();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = from_bytes(&bytes);
    }
}
