//! The card beside exported networks: what they are, what they learnt from, how good they are, how they were proven and
//! how they are run.

mod prepare;

use serde_json::Value;

use super::{External, Format, Model, Verification};
use crate::{
    data::transform::EvalOp,
    shown::{self, count},
};

/// Class names that a card tells, at most.
const MOST_NAMES: usize = 1000;

/// What the figures of a training mean, by their keys in a model's file.
const FIGURES: [(&str, &str, &str); 2] = [
    ("top1", "top-1", "share of the val images whose likeliest class is the true one"),
    ("top5", "top-5", "share of the val images whose true class is among the five likeliest"),
];

/// Said of what a compiler made.
const NOT_RUN: &str = "It was not run by Kiln: there is no such hardware here.";

/// What is known of a model besides what it does.
#[derive(Debug, Default)]
pub struct Origin {
    /// The digest of the model, before it was exported.
    pub model: String,
    /// The digest of the dataset that it was trained on.
    pub dataset: Option<String>,
    /// What its training says of itself: epochs, the best of them, and its figures.
    pub training: Option<Value>,
}

/// A network that was written, and how it was proven.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// What it was written as.
    pub format: &'a Format,
    /// A few lines of Python that run it, as [`super::NetworkFormat::example`]; none where it can't be run here.
    pub example: Option<&'a str>,
    /// How it was proven.
    pub proof: &'a Verification,
}

/// What a card tells of.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// The model that was exported.
    pub model: &'a Model<'a>,
    /// Its eval chain.
    pub eval: &'a [EvalOp],
    /// Where it comes from.
    pub origin: &'a Origin,
    /// What was written of it.
    pub files: &'a [Written<'a>],
    /// What made another file of one of them.
    pub external: Option<&'a External>,
}

impl Card<'_> {
    /// What the card is called.
    pub const FILE: &'static str = "model_card.md";

    /// The card, as Markdown: the same for the same model.
    pub fn text(&self) -> String {
        let mut sections = vec![format!("# {}", shown::text(&self.model.description())), self.what()];
        let mut section = |title: &str, text: String| sections.extend([format!("## {title}"), text]);
        section("Classes", self.classes());
        section("Data", self.origin.data());
        section("Metrics", self.origin.metrics());
        section("Preprocessing", self.preprocessing());
        for file in self.files {
            section(&format!("Proof of `{}`", file.format.file), proof(file.proof));
            if let Some(example) = file.example {
                section(&format!("How to run `{}`", file.format.file), self.run(example));
            }
        }
        if let Some(external) = self.external {
            section(&format!("Proof of {}", code(&external.output)), made(external));
        }
        sections.join("\n\n") + "\n"
    }

    fn what(&self) -> String {
        let (Model { size, weights, options, .. }, files) = (self.model, self.files);
        let files: Vec<String> =
            files.iter().map(|file| format!("`{}` ({})", file.format.file, file.format.title)).collect();
        let (images, verb) = match options.dynamic_batch {
            true => ("any number of RGB images", "become"),
            false => ("an RGB image", "becomes"),
        };
        let learnt = weights.iter().filter(|(name, _)| !name.contains(".running_"));
        let parameters: usize = learnt.map(|(_, array)| array.data.len()).sum();
        format!(
            "{} of Kiln {}: {images} of {size} x {size} pixels {verb} a probability for each class. The network has \
             {parameters} parameters.",
            files.join(", "),
            env!("CARGO_PKG_VERSION"),
        )
    }

    fn classes(&self) -> String {
        let names = self.model.names;
        let some: Vec<String> = names.iter().take(MOST_NAMES).map(|name| code(name)).collect();
        let more = match names.len().saturating_sub(MOST_NAMES) {
            0 => ".".to_owned(),
            more => format!(", and {more} more, which the files name."),
        };
        format!(
            "{}, in the order of the probabilities: {}{more}",
            count(names.len(), "class name"),
            some.join(", ")
        )
    }

    fn preprocessing(&self) -> String {
        let step = |(number, op): (usize, &EvalOp)| {
            let op = serde_json::to_string(op).expect("an operation is plain data");
            format!("{}. {}\n", number + 1, code(&op))
        };
        let steps: String = self.eval.iter().enumerate().map(step).collect();
        format!(
            "An image is turned as its EXIF says and made RGB, 8 bits a channel. Then come these operations, as pipeline \
             files have them, for the size {}. Between those of pixels and those of numbers, 0 to 255 is divided by 255.{}\n\n{steps}",
            self.model.size,
            if self.model.options.include.is_some() { " The file does all of this itself, from the RGB pixels on." } else { "" },
        )
        .trim_end()
        .to_owned()
    }

    fn run(&self, example: &str) -> String {
        let prepare = prepare::lines(self.eval, self.model.size, self.model.options);
        format!(
            "With `image.jpg` beside it:\n\n```python\n{prepare}\n{}\nbest = int(probabilities.argmax())\n\
             print(names[best], probabilities[best])\n```",
            example.trim_end()
        )
    }
}

impl Origin {
    fn data(&self) -> String {
        let learnt = match &self.dataset {
            Some(digest) => format!(
                "It was trained on the dataset `{digest}` (the digest of its index: classes, splits and the \
                 digest of each image)."
            ),
            None => "What it was trained on is not known here.".to_owned(),
        };
        format!(
            "{learnt} The licence of the data is not known to Kiln. The model's own digest, before it was exported, is `{}`.",
            self.model
        )
    }

    fn metrics(&self) -> String {
        let known = |key: &str| self.training.as_ref().and_then(|training| training.get(key)?.as_f64());
        let rows: Vec<String> = FIGURES
            .iter()
            .filter_map(|(key, name, meaning)| Some(format!("| {name} | {:.4} | {meaning} |", known(key)?)))
            .collect();
        match (rows.is_empty(), known("best_epoch"), known("epochs")) {
            (false, Some(best), Some(epochs)) => format!(
                "| metric | value | what it is |\n|---|---|---|\n{}\n\nMeasured by its training after epoch {best}, the best \
                 of {epochs}, which was chosen by the same images.",
                rows.join("\n")
            ),
            _ => "How good it is, is not known here.".to_owned(),
        }
    }
}

/// A compiled file has no proof of its own.
fn made(external: &External) -> String {
    let program = external.program().unwrap_or_default();
    format!("{} made it of `{}`. {NOT_RUN}", code(program), external.input.file)
}

fn proof(proof: &Verification) -> String {
    let Verification { file, engine, source, images, largest_difference, limit, compiled_by } = proof;
    let read = format!(
        "{engine} read the file back, and an interpreter that shares nothing with the network ran it on {images} {source}: \
         the largest difference of a probability from the network's was {largest_difference:.1e}. More than {limit:.0e} \
         would have been an error."
    );
    match compiled_by {
        None => read,
        Some(program) => format!(
            "`{program}` made it of `{file}`. {NOT_RUN} Of `{file}`, which was \
             proven: {read}"
        ),
    }
}

/// A text as Markdown shows it unchanged, on one line.
fn code(text: &str) -> String {
    let text = shown::text(text);
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let (fence, blank) = ("`".repeat(longest + 1), if longest > 0 || text.is_empty() { " " } else { "" });
    format!("{fence}{blank}{text}{blank}{fence}")
}

#[cfg(test)]
mod tests;
