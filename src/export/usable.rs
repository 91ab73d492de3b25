//! A network that was exported, by Kiln or another program, as one that classifies images again.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    Content, Exported, FORMATS, Format, NetworkFormat,
    interpreter::Interpreter,
    lowered::{INPUT, Lowered, Operator},
    onnx,
};
use crate::{
    error::{Error, Result},
    shown,
};

/// A network that can be used, but not trained: it has no architecture, and its norms are gone.
#[derive(Debug)]
pub struct Usable {
    /// The names of the classes, by index; their numbers where the file does not tell names.
    pub names: Vec<String>,
    /// Side of the square images that it takes, in pixels.
    pub size: usize,
    /// What happens to an image before, as in a pipeline file; none where the file does not tell it.
    pub eval: Option<Value>,
    /// What the file does not tell, and what is taken instead.
    pub gaps: Vec<&'static str>,
    /// What it gives are logits.
    network: Lowered,
}

impl Format {
    /// The format of what lies at `path`, a file or a folder, if it is one of a network.
    pub fn of(path: &Path) -> Option<(&'static Self, &'static NetworkFormat)> {
        let mut networks = FORMATS.iter().filter_map(|format| match &format.content {
            Content::Network(network) => Some((format, network)),
            Content::Compiled(_) | Content::Weights(_) => None,
        });
        networks.find(|(_, network)| (network.recognises)(path))
    }
}

impl Usable {
    /// What the file is called that [`Self::into_bytes`] makes.
    pub const FILE: &'static str = "network.onnx";

    /// What was read from a file, if it classifies images.
    ///
    /// # Errors
    /// If it does something else, or its names are not those of its classes.
    pub fn new(Exported { network, told }: Exported) -> Result<Self> {
        told.must_classify()?;
        let ([channels, size, _], &[classes]) = (network.shape(INPUT), network.shape(network.probabilities))
        else {
            return Err(Error::new("it does not give one number for each class"));
        };
        if *channels != 3 {
            return Err(Error::new(format!("it takes images of {channels} channels, not 3")));
        }
        let (size, names, eval) = (*size, told.names()?, told.eval());
        if let Some(names) = names.as_ref().filter(|names| names.len() != classes) {
            let (names, numbers) = (shown::count(names.len(), "name"), shown::count(classes, "number"));
            return Err(Error::new(format!("it has {names} of classes, but gives {numbers}")));
        }
        let (network, has_softmax) = without_softmax(network);
        let gaps = [
            (names.is_none(), "the names of its classes: they are called by their numbers"),
            (eval.is_none(), "how images are prepared: shortest side resized, middle cropped"),
            (!has_softmax, "a softmax: its numbers are taken for logits"),
        ];
        let gaps = gaps.into_iter().filter_map(|(lacks, gap)| lacks.then_some(gap)).collect();
        let names = names.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
        Ok(Self { names, size, eval, gaps, network })
    }

    /// What lies at `path`, in a format that [`Format::of`] told.
    ///
    /// # Errors
    /// If it can't be read, or does not classify images.
    pub fn read((format, network): (&Format, &NetworkFormat), path: &Path) -> Result<Self> {
        (network.read)(path).and_then(Self::new).map_err(|error| {
            let (path, title) = (shown::path(path), format.title);
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let told =
                Error::new(format!("{path} is no {title} classifier that can be used: {error}{cause}"));
            error.hint().map(str::to_owned).into_iter().fold(told, Error::help)
        })
    }

    /// All of it as the bytes of one file, whatever it came from.
    ///
    /// # Errors
    /// Never, unless its shapes do not fit.
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        let mut entries = vec![
            ("task".to_owned(), "classify".to_owned()),
            ("imgsz".to_owned(), json!([self.size, self.size]).to_string()),
            ("kiln.names".to_owned(), json!(self.names).to_string()),
        ];
        let steps = self.eval.map(|steps| json!({ "size": self.size, "steps": steps }).to_string());
        entries.extend(steps.map(|steps| ("kiln.preprocessing".to_owned(), steps)));
        // Other programs' names might be those of tensors.
        for (i, constant) in self.network.constants.iter_mut().enumerate() {
            constant.name = format!("constant.{i}");
        }
        self.network.probabilities =
            self.network.push("", Operator::Softmax, &[self.network.probabilities])?;
        onnx::packed(&self.network, entries)
    }

    /// From those bytes.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        onnx::unpacked(bytes).and_then(Self::new)
    }

    /// How many numbers were learned, and are left once norms are folded in.
    pub fn parameters(&self) -> u64 {
        self.network.parameters()
    }

    /// Operations for one image, in 10⁹: each multiplication with an addition counts as two.
    pub fn gflops(&self) -> f64 {
        2.0 * self.network.operations() as f64 / 1e9
    }

    /// What runs it: logits `[batch, classes]`, row by row, of images `[batch, 3, size, size]` of its size. No row depends
    /// on the others.
    pub fn runner(self) -> impl Fn(&[f32]) -> Vec<f32> + Send + Sync {
        let interpreter = Interpreter::new(String::new(), self.network);
        move |images| interpreter.rows(images)
    }
}

/// The network up to its logits, and whether a softmax came after them: a probability of 0 has no logarithm.
fn without_softmax(mut network: Lowered) -> (Lowered, bool) {
    let given = network.probabilities;
    let makes = |instruction: &super::lowered::Instruction| instruction.outputs.contains(&given);
    let Some(last) = network.instructions.iter().position(makes) else { return (network, false) };
    if network.instructions[last].operator != Operator::Softmax {
        return (network, false);
    }
    network.probabilities = network.instructions.remove(last).inputs[0];
    (network, true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::export::{
        Precision, Told,
        lowered::{BatchDimension, Constant},
    };

    /// Two classes of the means of an image's first two channels, `factor` times as large.
    fn network(channels: usize, factor: f32, softmax: bool) -> Lowered {
        let mut network = Lowered::new(BatchDimension::Any, channels, 2);
        let constant = |name: &str, shape: Vec<usize>, data| Constant {
            name: name.to_owned(),
            shape,
            data,
            precision: Precision::Fp32,
        };
        let mut weights = vec![0.0; 2 * channels];
        (weights[0], weights[channels + 1]) = (factor, factor);
        let weight = network.add_constant(constant("images", vec![2, channels], weights));
        let bias = network.add_constant(constant("output0", vec![2], vec![0.0; 2]));
        let means = network.push("", Operator::GlobalAverage, &[INPUT]).unwrap();
        let logits = network.push("", Operator::Linear { weight, bias }, &[means]).unwrap();
        network.probabilities =
            if softmax { network.push("", Operator::Softmax, &[logits]).unwrap() } else { logits };
        network
    }

    fn exported(network: Lowered, told: &[(&str, &str)]) -> Exported {
        let told = told.iter().map(|(key, text)| ((*key).to_owned(), Value::from(*text)));
        Exported { network, told: Told(told.collect::<BTreeMap<_, _>>()) }
    }

    const TOLD: [(&str, &str); 2] =
        [("names", "['a', 'b']"), ("kiln.preprocessing", r#"{"steps": [{"type": "squash"}]}"#)];

    #[test]
    fn it_is_the_same_from_its_own_bytes() {
        let usable = Usable::new(exported(network(3, 1.0, true), &TOLD)).unwrap();
        assert!(usable.gaps.is_empty());
        let again = Usable::from_bytes(&usable.into_bytes().unwrap()).unwrap();
        assert_eq!((&again.names[..], again.size), (&["a".to_owned(), "b".to_owned()][..], 2));
        assert_eq!(again.eval, Some(json!([{"type": "squash"}])));
        let image = [[0.25; 4], [0.75; 4], [1.0; 4]].concat();
        assert_eq!(again.runner()(&[image.clone(), image].concat()), [0.25, 0.75, 0.25, 0.75]);
    }

    #[test]
    fn a_probability_of_nothing_has_a_logit() {
        let run = Usable::new(exported(network(3, 500.0, true), &TOLD)).unwrap().runner();
        assert_eq!(run(&[[1.0; 4], [0.0; 4], [0.0; 4]].concat()), [500.0, 0.0]);
    }

    #[test]
    fn what_is_missing_is_told() {
        let usable = Usable::new(exported(network(3, 1.0, false), &[])).unwrap();
        assert_eq!((&usable.names[..], usable.eval), (&["0".to_owned(), "1".to_owned()][..], None));
        assert_eq!(usable.gaps.len(), 3);
    }

    #[test]
    fn what_classifies_no_images_is_refused() {
        let reason = |channels, told: &[(&str, &str)]| {
            Usable::new(exported(network(channels, 1.0, true), told)).unwrap_err().to_string()
        };
        assert_eq!(reason(4, &[]), "it takes images of 4 channels, not 3");
        assert_eq!(reason(3, &[("names", "['a']")]), "it has 1 name of classes, but gives 2 numbers");
        assert_eq!(reason(3, &[("task", "pose")]), "it is a network for the task `pose`, not `classify`");
    }
}
