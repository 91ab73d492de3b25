//! The codes of problems, and what `kiln explain` says about each.
//!
//! `E00..`: the text. `E01..`: keys and values. `E02..`: references and paths. `E03..`: rules of a kind. `E04..`: model YAMLs.

/// A code and what it means.
#[derive(Debug)]
pub struct Code {
    /// The code as it is shown, e.g. `E0102`.
    pub code: &'static str,
    /// What the mistake is, in a few words.
    pub title: &'static str,
    /// What causes it and what to do.
    pub text: &'static str,
    /// What gives this code, and no other.
    pub wrong: Wrong,
    /// The same without the mistake.
    pub right: &'static str,
}

impl Code {
    /// Title, explanation and examples.
    pub fn page(&self) -> String {
        let Self { code, title, text, wrong, right } = self;
        let mut page = format!("{code}: {title}\n\n{text}\n");
        for (heading, example) in [("Wrong", wrong.shown()), ("Right", (*right).to_owned())] {
            page.push_str(&format!("\n{heading}:\n\n"));
            page.extend(example.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n"));
        }
        page
    }
}

/// A file that gives a code.
#[derive(Debug, Clone, Copy)]
pub enum Wrong {
    /// The text of a pipeline file.
    Yaml(&'static str),
    /// The bytes of a pipeline file that is not UTF-8.
    Bytes(&'static [u8]),
    /// The text of a model YAML.
    Arch(&'static str),
    /// The name of a file that isn't there.
    NoFile(&'static str),
    /// The text of a pipeline file, and what stands after `--set` on the command line.
    Set(&'static str, &'static str),
}

impl Wrong {
    /// The example for people; what is no text is shown as U+FFFD.
    pub fn shown(self) -> String {
        match self {
            Self::Yaml(text) | Self::Arch(text) => text.to_owned(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::NoFile(name) => format!("kiln check {name}"),
            Self::Set(text, set) => format!("{text}\nkiln check pipeline.yaml --set {set}"),
        }
    }
}

/// The file can't be read.
pub const UNREADABLE: &str = "E0001";
/// The file is empty.
pub const EMPTY_FILE: &str = "E0002";
/// The file is not UTF-8.
pub const NOT_UTF8: &str = "E0003";
/// The file is not YAML.
pub const SYNTAX: &str = "E0004";
/// The file is too large, too deep, or stands for too many values.
pub const TOO_LARGE: &str = "E0005";
/// A key is there twice.
pub const DUPLICATE_KEY: &str = "E0006";
/// YAML that is not used here.
pub const YAML_FEATURE: &str = "E0007";
/// A version of the file format that this program doesn't read.
pub const UNKNOWN_VERSION: &str = "E0101";
/// A key that is not known there.
pub const UNKNOWN_KEY: &str = "E0102";
/// A `type` that doesn't exist.
pub const UNKNOWN_TYPE: &str = "E0103";
/// A value of the wrong type.
pub const WRONG_TYPE: &str = "E0104";
/// A number, or a count of items, that is out of range.
pub const OUT_OF_RANGE: &str = "E0105";
/// A key that must be there.
pub const MISSING_KEY: &str = "E0106";
/// A word that is none of those allowed.
pub const NOT_ALLOWED: &str = "E0107";
/// A name or text that doesn't look as it must.
pub const PATTERN: &str = "E0108";
/// A value of the command line that can't be set.
pub const OVERRIDE: &str = "E0109";
/// A reference to a node that doesn't exist.
pub const UNKNOWN_REFERENCE: &str = "E0201";
/// A reference to a node that gives something else than wanted.
pub const WRONG_REFERENCE: &str = "E0202";
/// Nodes that need each other.
pub const CYCLE: &str = "E0203";
/// A file or folder that doesn't exist, or is something else.
pub const MISSING_PATH: &str = "E0204";
/// `${…}` that is no reference.
pub const NO_REFERENCE: &str = "E0205";
/// A parameter that doesn't exist.
pub const NO_PARAMETER: &str = "E0206";
/// A variable of the environment that isn't set.
pub const NO_VARIABLE: &str = "E0207";
/// Parameters that refer to each other in a circle.
pub const PARAMETER_CYCLE: &str = "E0208";
/// A file that can't be extended.
pub const EXTENDS: &str = "E0209";
/// Points that make no sweep.
pub const SWEEP: &str = "E0210";
/// A rule of a node's kind is broken.
pub const RULE: &str = "E0301";

/// A module that doesn't exist.
pub const UNKNOWN_MODULE: &str = "E0401";
/// Something in a model YAML that Kiln doesn't build.
pub const UNSUPPORTED: &str = "E0402";
/// Rows of a model YAML that make no network.
pub const MISFIT: &str = "E0403";

/// The shortest pipeline, from which most right examples are made.
const DATASET: &str = "\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
";

/// The same, its path a parameter.
const PARAMETER: &str = "\
version: 1
name: digits
params: { data: images }
nodes:
  digits: { type: dataset, root: \"${params.data}\" }
";

/// The shortest model YAML.
const ARCH: &str = "\
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [-1, 1, Classify, [nc]]
";

/// Every code, in order.
pub const ALL: &[Code] = &[
    Code {
        code: UNREADABLE,
        title: "the file cannot be read",
        text: "\
The file named on the command line does not exist, is a folder, or may not be read. Check the path;
the message names the closest file of the same folder.",
        wrong: Wrong::NoFile("pipelines/no-such-file.yaml"),
        right: DATASET,
    },
    Code {
        code: EMPTY_FILE,
        title: "the file says nothing",
        text: "The file is empty, or has only comments. A pipeline has a version, a name, and nodes.",
        wrong: Wrong::Yaml("\
# nothing but a comment
"),
        right: DATASET,
    },
    Code {
        code: NOT_UTF8,
        title: "the file is not UTF-8",
        text: "\
A byte of the file belongs to no character. Most often the file was saved in another encoding, such as
Latin-1 or UTF-16; save it as UTF-8. A byte-order mark before it does no harm.",
        wrong: Wrong::Bytes(b"version: 1\nname: caf\xe9\n"),
        right: DATASET,
    },
    Code {
        code: SYNTAX,
        title: "the file is not YAML",
        text: "\
The YAML parser cannot go on. Look at the place of the message and just before it: indentation, a missing
space after a colon, an open quote or bracket, a tab.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images
"),
        right: DATASET,
    },
    Code {
        code: TOO_LARGE,
        title: "the file is too large",
        text: "\
The file is larger than 1 MiB, nested deeper than 32 levels, or stands for more than 10,000 values or for four
times its own text when aliases are counted as often as they are used. Other things that no file has and that
take long to read, such as pages of blanks, are refused too. A file that does this is broken or hostile.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes: &again
  digits: *again
"),
        right: DATASET,
    },
    Code {
        code: DUPLICATE_KEY,
        title: "a key is there twice",
        text: "\
Each key may stand once in its mapping. YAML readers disagree about which of the two counts, so neither is
guessed. Remove one. Names of nodes that differ only in capitals count as the same: on many disks, their results
would share a folder.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
name: letters
nodes:
  digits: { type: dataset, root: images }
"),
        right: DATASET,
    },
    Code {
        code: YAML_FEATURE,
        title: "a feature of YAML that pipelines do not use",
        text: "\
A pipeline is one document of mappings with text keys, lists, text, numbers, `true` and `false`. Anchors and
aliases may be used. Tags (`!x`), merge keys (`<<`), several documents, keys that are not text, and numbers
that are not finite are refused.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: !path images }
"),
        right: DATASET,
    },
    Code {
        code: UNKNOWN_VERSION,
        title: "the version of the file format is not known",
        text: "`version` says which file format the file is written in. This program reads version 1.",
        wrong: Wrong::Yaml("\
version: 7
name: digits
nodes:
  digits: { type: dataset, root: images }
"),
        right: DATASET,
    },
    Code {
        code: UNKNOWN_KEY,
        title: "a key is not known there",
        text: "\
Every key is checked, so that a misspelt one never has a silent default. The message names a key that was
probably meant, or the place where this key belongs.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, rot: images }
"),
        right: DATASET,
    },
    Code {
        code: UNKNOWN_TYPE,
        title: "a type does not exist",
        text: "The key `type` of a node, or of an operation in a list, chooses what it is and which keys it has.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: datasett, root: images }
"),
        right: DATASET,
    },
    Code {
        code: WRONG_TYPE,
        title: "a value has the wrong type",
        text: "\
A number is wanted where text stands, a list where one value stands, and so on. Quotes make text of a number;
`yes` and `on` are text, `true` is not. Where only one thing can have been meant, the message says it.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
seed: \"7\"
nodes:
  digits: { type: dataset, root: images }
"),
        right: "\
version: 1
name: digits
seed: 7
nodes:
  digits: { type: dataset, root: images }
",
    },
    Code {
        code: OUT_OF_RANGE,
        title: "a value is out of range",
        text: "A number is too small or too large, or a list has too few or too many items. The message says the range.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
seed: -1
nodes:
  digits: { type: dataset, root: images }
"),
        right: "\
version: 1
name: digits
seed: 1
nodes:
  digits: { type: dataset, root: images }
",
    },
    Code {
        code: MISSING_KEY,
        title: "a key is missing",
        text: "The file, a node or an operation lacks a key that has no default.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset }
"),
        right: DATASET,
    },
    Code {
        code: NOT_ALLOWED,
        title: "a word is not one of those allowed",
        text: "The key takes one of a few words; the message lists them.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  net: { type: model, arch: yolo11n-cls, dataset: digits }
  prep: { type: transforms, size: 64 }
  fit: { type: train, model: net, dataset: digits, transforms: prep }
  file: { type: export, model: fit, format: onyx }
"),
        right: "\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  net: { type: model, arch: yolo11n-cls, dataset: digits }
  prep: { type: transforms, size: 64 }
  fit: { type: train, model: net, dataset: digits, transforms: prep }
  file: { type: export, model: fit, format: onnx }
",
    },
    Code {
        code: PATTERN,
        title: "a name is not allowed",
        text: "\
Names are folders, on any system, and stand on the command line. A pipeline's name has letters, digits, `_`, `.`
and `-`, with no `.` at an end; a node's name begins with a letter or `_` and goes on with letters, digits, `_`
and `-`. Neither has more than 100 characters, or is one that Windows keeps for itself, such as `con`.",
        wrong: Wrong::Yaml("\
version: 1
name: my digits
nodes:
  digits: { type: dataset, root: images }
"),
        right: DATASET,
    },
    Code {
        code: OVERRIDE,
        title: "a value of the command line cannot be set",
        text: "\
`--set nodes.fit.epochs=3` puts a value, read as YAML, in place of what the file says at that path. What it is in
must be there, and so must a parameter. The value is then checked like any other of the file.",
        wrong: Wrong::Set(DATASET, "nodes.digit.root=images"),
        right: DATASET,
    },
    Code {
        code: UNKNOWN_REFERENCE,
        title: "a reference names a node that does not exist",
        text: "\
Keys such as `dataset` and `model` hold the name of another node of the same file. The message names the
closest one, and those that give what is wanted.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  net: { type: model, arch: yolo11n-cls, dataset: digit }
"),
        right: "\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  net: { type: model, arch: yolo11n-cls, dataset: digits }
",
    },
    Code {
        code: WRONG_REFERENCE,
        title: "a reference names a node that gives something else",
        text: "\
Each key that refers to a node wants something of it: a dataset, transforms, a network, a model with weights.
The message says what is wanted and what the other node gives.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  prep: { type: transforms, size: 64 }
  net: { type: model, arch: yolo11n-cls, dataset: prep }
"),
        right: "\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  prep: { type: transforms, size: 64 }
  net: { type: model, arch: yolo11n-cls, dataset: digits }
",
    },
    Code {
        code: CYCLE,
        title: "nodes need each other",
        text: "\
A node runs after the nodes that it refers to, so following references must never lead back to the first one. The
message shows the shortest cycle, reference by reference; change one of them.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  prep: { type: transforms, size: 64 }
  first: { type: train, model: second, dataset: digits, transforms: prep }
  second: { type: train, model: first, dataset: digits, transforms: prep }
"),
        right: "\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: images }
  prep: { type: transforms, size: 64 }
  net: { type: model, arch: yolo11n-cls, dataset: digits }
  first: { type: train, model: net, dataset: digits, transforms: prep }
  second: { type: train, model: first, dataset: digits, transforms: prep }
",
    },
    Code {
        code: MISSING_PATH,
        title: "a path does not exist, or is not what is wanted there",
        text: "\
A path in the file does not exist, or is not what is wanted there, such as an archive in place of a folder.
Relative paths start at the folder of the file that they are written in, whatever the current folder is; `~` and
`$HOME` are not replaced, `${env.HOME}` is. The message shows the absolute path that was tried, and a path like it that exists.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: imags }
"),
        right: DATASET,
    },
    Code {
        code: NO_REFERENCE,
        title: "a reference is not written as one",
        text: "\
`${params.NAME}` stands for a parameter of the file, `${env.NAME}` for a variable of the environment, and nothing
else may stand between `${` and `}`. A `${` that is text is written `$${`.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
params: { data: images }
nodes:
  digits: { type: dataset, root: \"${data}\" }
"),
        right: PARAMETER,
    },
    Code {
        code: NO_PARAMETER,
        title: "a parameter does not exist",
        text: "\
`${params.NAME}` stands for what the file says under `params:`. Parameters may lie in each other, and are named with
every step: `${params.sizes.small}`, `${params.rates[0]}`.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
params: { data: images }
nodes:
  digits: { type: dataset, root: \"${params.date}\" }
"),
        right: PARAMETER,
    },
    Code {
        code: NO_VARIABLE,
        title: "a variable of the environment is not set",
        text: "\
`${env.NAME}` stands for a variable of the environment in which `kiln` was started. One that is not set is a mistake,
not an empty text. Its value counts like one of the file: another value gives another result.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  digits: { type: dataset, root: \"${env.KILN_NO_SUCH_VARIABLE}\" }
"),
        right: DATASET,
    },
    Code {
        code: PARAMETER_CYCLE,
        title: "parameters refer to each other in a circle",
        text: "\
A parameter may refer to others, but following references must never lead back to it. The message shows each
reference of the circle; write one of them out.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
params: { data: \"${params.root}\", root: \"${params.data}\" }
nodes:
  digits: { type: dataset, root: images }
"),
        right: PARAMETER,
    },
    Code {
        code: EXTENDS,
        title: "a file cannot be extended",
        text: "\
`extends: base.yaml` reads another pipeline file, relative to the one that says so, and lays this one over it: mappings
key by key, lists and all else as a whole. The other file must be there, and must not extend this one in turn.",
        wrong: Wrong::Yaml("\
extends: no-such-file.yaml
nodes:
  digits: { type: dataset, root: images }
"),
        right: DATASET,
    },
    Code {
        code: SWEEP,
        title: "the points of a sweep can't be told, or told apart",
        text: "\
`matrix` gives parameters lists of values, and the points of the sweep are all combinations of them, but for those that
`exclude` leaves out and with those that `include` adds. Each point has a name made of its values; there may be 10,000.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
params: { fraction: 0.2 }
matrix:
  fraction: [0.1, 0.2]
  exclude:
    - fraction: 0.3
nodes:
  digits: { type: dataset, root: images, val_fraction: \"${params.fraction}\" }
"),
        right: "\
version: 1
name: digits
params: { fraction: 0.2 }
matrix:
  fraction: [0.1, 0.2, 0.3]
  exclude:
    - fraction: 0.3
nodes:
  digits: { type: dataset, root: images, val_fraction: \"${params.fraction}\" }
",
    },
    Code {
        code: RULE,
        title: "a rule of the node is broken",
        text: "Some rules tie several keys together, such as a range whose ends must be in order. The message says the rule.",
        wrong: Wrong::Yaml("\
version: 1
name: digits
nodes:
  prep:
    type: transforms
    train:
      - type: random_resized_crop
        scale: [1.0, 0.5]
"),
        right: "\
version: 1
name: digits
nodes:
  prep:
    type: transforms
    train:
      - type: random_resized_crop
        scale: [0.5, 1.0]
",
    },
    Code {
        code: UNKNOWN_MODULE,
        title: "a module does not exist",
        text: "\
The third part of a model YAML's row names a module. The message names the closest one and lists all. PyTorch's
own modules (`nn.…`) are not built.",
        wrong: Wrong::Arch("\
backbone:
  - [-1, 1, Convv, [64, 3, 2]]
head:
  - [-1, 1, Classify, [nc]]
"),
        right: ARCH,
    },
    Code {
        code: UNSUPPORTED,
        title: "a model YAML says something that Kiln does not build",
        text: "\
The row format can say more than Kiln builds: rows that take their input from elsewhere than the row before,
another padding, a dilation, other activations than SiLU and ReLU, other models of torchvision than resnet18.",
        wrong: Wrong::Arch("\
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [0, 1, Conv, [64, 3, 2]]
  - [0, 1, Conv, [64, 3, 2]]
head:
  - [-1, 1, Classify, [nc]]
"),
        right: ARCH,
    },
    Code {
        code: MISFIT,
        title: "the rows of a model YAML do not fit together",
        text: "\
Each row takes the channels that the row before it gives, after scaling, and the last row is a Classify row. The
message says which numbers do not fit.",
        wrong: Wrong::Arch("\
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [-1, 2, C2PSA, [128]]
  - [-1, 1, Classify, [nc]]
"),
        right: ARCH,
    },
];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{
        nodes::{KINDS, arch},
        plan::load_with,
    };

    /// The codes that a file gives.
    fn codes(path: &Path, overrides: &[String]) -> Vec<&'static str> {
        match load_with(path, overrides, KINDS) {
            Ok(_) => Vec::new(),
            Err(rejected) => rejected.problems.iter().map(|problem| problem.code).collect(),
        }
    }

    /// The codes that a model YAML gives.
    fn arch_codes(path: &Path, _: &[String]) -> Vec<&'static str> {
        let mistaken = arch::read(path, None).err();
        mistaken.into_iter().flat_map(|it| it.problems).map(|problem| problem.code).collect()
    }

    #[test]
    fn examples_give_their_code_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        let file = folder.path().join("pipeline.yaml");
        for code in ALL {
            let codes = if matches!(code.wrong, Wrong::Arch(_)) { arch_codes } else { codes };
            let path = match code.wrong {
                Wrong::Yaml(text) | Wrong::Arch(text) | Wrong::Set(text, _) => {
                    fs::write(&file, text).map(|()| file.clone())
                }
                Wrong::Bytes(bytes) => fs::write(&file, bytes).map(|()| file.clone()),
                Wrong::NoFile(name) => Ok(folder.path().join(name)),
            };
            let set = if let Wrong::Set(_, set) = code.wrong { vec![set.to_owned()] } else { Vec::new() };
            assert_eq!(codes(&path.unwrap(), &set), [code.code], "wrong example of {}", code.code);
            fs::write(&file, code.right).unwrap();
            assert_eq!(codes(&file, &[]), [""; 0], "right example of {}", code.code);
        }
    }

    #[test]
    fn codes_are_in_order_and_said_once() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
