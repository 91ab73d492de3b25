//! What a file can be asked to be, beyond its format.

use super::{Chip, Content, FORMATS, Format, Include, Layout, Precision, lowered::BatchDimension};
use crate::suggest::joined;

/// What a file is asked to be; by default, the plainest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether it takes any number of images at once; else it takes one.
    pub dynamic_batch: bool,
    /// In how many bits it holds the weights.
    pub precision: Precision,
    /// Where the images that it takes have their channels.
    pub layout: Layout,
    /// Which version of ONNX's operations it uses; none for the format's own choice.
    pub opset: Option<u32>,
    /// How much memory a compiler may take, in GiB; none for its own choice.
    pub workspace: Option<u32>,
    /// What it is for; none where that is not told.
    pub chip: Option<Chip>,
    /// What it holds besides the network.
    pub include: Option<Include>,
}

/// An option that only some formats have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// [`Options::dynamic_batch`]
    DynamicBatch,
    /// [`Options::precision`]
    Precision,
    /// [`Options::layout`]
    Layout,
    /// [`Options::opset`]
    Opset,
    /// [`Options::workspace`]
    Workspace,
    /// [`Options::chip`]
    Chip,
    /// [`Options::include`]
    Include,
}

/// An option that a format does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionFault {
    /// The key that asks for it.
    pub key: &'static str,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The same in a few words, for a label beside the key.
    pub label: String,
    /// What to do about it.
    pub help: String,
}

impl Options {
    /// How many images the file takes at once.
    pub fn batch(self) -> BatchDimension {
        if self.dynamic_batch { BatchDimension::Any } else { BatchDimension::Fixed(1) }
    }

    /// The choices that were made.
    pub(super) fn made(self) -> Vec<Choice> {
        // Taken apart, so that a new option can't be forgotten here.
        let Self { dynamic_batch, precision, layout, opset, include, workspace, chip } = self;
        let made = [
            (dynamic_batch, Choice::DynamicBatch),
            (precision != Precision::Fp32, Choice::Precision),
            (!layout.is_nchw(), Choice::Layout),
            (opset.is_some(), Choice::Opset),
            (workspace.is_some(), Choice::Workspace),
            (chip.is_some(), Choice::Chip),
            (include.is_some(), Choice::Include),
        ];
        made.into_iter().filter_map(|(made, choice)| made.then_some(choice)).collect()
    }
}

impl Choice {
    /// The key that asks for it.
    pub fn key(self) -> &'static str {
        match self {
            Self::DynamicBatch => "dynamic_batch",
            Self::Precision => "precision",
            Self::Layout => "layout",
            Self::Opset => "opset",
            Self::Workspace => "workspace",
            Self::Chip => "chip",
            Self::Include => "include",
        }
    }

    /// What is chosen.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::DynamicBatch => "batch",
            Self::Precision => "precision",
            Self::Layout => "layout",
            Self::Opset => "opset",
            Self::Workspace => "workspace",
            Self::Chip => "chip",
            Self::Include => "preprocessing",
        }
    }
}

impl Format {
    /// The options that were asked for, and that the format does not have.
    pub fn faults(&self, options: Options) -> Vec<OptionFault> {
        let lacks = |choice: &Choice| !self.choices().contains(choice);
        options.made().into_iter().filter(lacks).map(|choice| self.fault(choice)).collect()
    }

    fn fault(&self, choice: Choice) -> OptionFault {
        let (key, noun) = (choice.key(), choice.noun());
        let message = match self.content {
            Content::Weights(_) => format!("{} has no {noun}: it is weights alone", self.file),
            Content::Network(_) | Content::Compiled(_) => {
                format!("{} leaves no choice of its {noun}", self.file)
            }
        };
        let having = FORMATS.iter().filter(|format| format.choices().contains(&choice));
        let (titles, names): (Vec<&str>, Vec<String>) =
            having.map(|format| (format.title, format!("`format: {}`", format.name))).unzip();
        OptionFault {
            key,
            message,
            label: format!("only {} files have one", joined(&titles, "and")),
            help: format!("leave out `{key}`, or set {}", joined(&names, "or")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DYNAMIC: Options = Options {
        dynamic_batch: true,
        precision: Precision::Fp32,
        layout: Layout::ChannelsFirst,
        opset: None,
        include: None,
        workspace: None,
        chip: None,
    };

    #[test]
    fn a_format_refuses_what_it_does_not_have() {
        for format in FORMATS {
            assert_eq!(format.faults(Options::default()), []);
            let keys: Vec<&str> = format.faults(DYNAMIC).iter().map(|fault| fault.key).collect();
            assert_eq!(keys.is_empty(), format.choices().contains(&Choice::DynamicBatch), "{}", format.name);
        }
    }

    #[test]
    fn a_fault_says_who_has_the_option() {
        let pt: &Format = FORMATS.iter().find(|format| format.name == "pt").unwrap();
        let fault = &pt.faults(DYNAMIC)[0];
        assert_eq!(fault.message, "model.pt has no batch: it is weights alone");
        assert!(fault.label.starts_with("only ONNX") && fault.label.ends_with(" files have one"));
        assert!(fault.help.starts_with("leave out `dynamic_batch`, or set `format: onnx`"));
    }
}
