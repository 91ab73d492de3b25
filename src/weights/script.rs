//! TorchScript archives: a program in PyTorch's language, the tensors that are its attributes, and what its writer says
//! of it. Only Kiln's own are read: others hold modules inside modules, and as many files of code.

use half::f16;

use super::{
    Array, MAX_TENSORS,
    element::Element,
    item::{Pickle, View},
    malformed,
    pickling::{Pickling, Stored},
    shown,
    tensors::{Storage, Tensors},
    torch::{Archive, CONSTANTS},
    torch_zip::TorchZip,
};
use crate::error::{Error, Result};

/// The module that programs lie in.
const MODULE: &str = "__torch__";
/// Where its code stands.
const CODE: &str = "code/__torch__.py";
/// Where a program's writer says what it likes; PyTorch gives it to whoever asks.
const METADATA: &str = "extra/config.txt";

/// A program of one class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Script {
    /// The class's code, whose name is [`CLASS`](Self::CLASS).
    pub(crate) code: String,
    /// What is said of it.
    pub(crate) metadata: String,
    /// The attributes that are tensors.
    pub(crate) tensors: Vec<ScriptTensor>,
}

/// A tensor of a program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScriptTensor {
    /// The attribute that it is.
    pub(crate) name: String,
    /// Its numbers.
    pub(crate) array: Array,
    /// Whether they have 16 bits in the file, else 32.
    pub(crate) half: bool,
}

impl Script {
    /// What the class is called.
    pub(crate) const CLASS: &str = "Kiln";

    /// The bytes of an archive.
    ///
    /// # Errors
    /// If there are more than an archive can hold.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut zip = TorchZip::new(&self.pickle(), self.tensors.iter().map(ScriptTensor::to_le_bytes))?;
        zip.add(CODE, self.code.as_bytes())?;
        zip.add(CONSTANTS, &Pickling::new().empty_tuple())?;
        zip.add(METADATA, self.metadata.as_bytes())?;
        zip.finish()
    }

    /// The object with its attributes. Storages are `0`, `1`, … in the same order.
    fn pickle(&self) -> Vec<u8> {
        Pickling::new().object(MODULE, Self::CLASS, |out| {
            out.text("training");
            out.no();
            for (key, ScriptTensor { name, array, half }) in self.tensors.iter().enumerate() {
                out.text(name);
                let class = if *half { "HalfStorage" } else { "FloatStorage" };
                out.tensor(&Stored { key, class, shape: &array.shape });
            }
        })
    }

    /// The program in the bytes of an archive.
    ///
    /// # Errors
    /// If it is none, it is damaged, or not one of Kiln's.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut archive = Archive::of(bytes)?;
        let pickle = archive.pickle()?;
        check_class(&pickle)?;
        let (code, metadata) = (archive.text(CODE)?, archive.text(METADATA)?);
        let tensors = tensors(&pickle, Tensors::new(archive, bytes.len()))?;
        pickle.seen().map_err(|_| malformed("more nested parts than any model"))?;
        Ok(Self { code, metadata, tensors })
    }
}

impl ScriptTensor {
    fn to_le_bytes(&self) -> Vec<u8> {
        match self.half {
            false => self.array.to_le_bytes(),
            true => self.array.data.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        }
    }
}

/// Whether the last bytes of a file are those of a zip archive with a program: there stands the list of its entries.
pub(crate) fn is_script(end: &[u8]) -> bool {
    memchr::memmem::find(end, format!("/{CONSTANTS}").as_bytes()).is_some()
}

/// Refuses a program that Kiln did not write.
fn check_class(pickle: &Pickle) -> Result<()> {
    match pickle.root().class() {
        Some((MODULE, Script::CLASS)) => Ok(()),
        Some((module, name)) => {
            let class = shown(&format!("{module}.{name}"));
            Err(Error::new(format!("it holds a {class}, not a TorchScript program of Kiln's")).help(
                "Kiln reads the TorchScript that it wrote itself: take the model that this was made from",
            ))
        }
        None => Err(malformed("no program")),
    }
}

/// The attributes that are tensors.
fn tensors(pickle: &Pickle, mut tensors: Tensors<'_>) -> Result<Vec<ScriptTensor>> {
    let mut found = Vec::new();
    for (name, value) in pickle.root().state().into_iter().flat_map(View::entries) {
        let Some(array) = tensors.tensor(value)? else { continue };
        let name = name.str().ok_or_else(|| malformed("an attribute without a name"))?.to_owned();
        let storage = value.args().next().map(Storage::of).transpose()?;
        let half = storage.is_some_and(|storage| storage.element == Element::F16);
        found.push(ScriptTensor { name, array, half });
        if found.len() > MAX_TENSORS {
            return Err(malformed("more arrays than any network"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        let tensor = |name: &str, half| ScriptTensor {
            name: name.to_owned(),
            array: Array { shape: vec![2, 1], data: vec![0.5, -1.5] },
            half,
        };
        let tensors = vec![tensor("b", false), tensor("a", true)];
        Script { code: "class Kiln(Module):\n".to_owned(), metadata: "{}".to_owned(), tensors }
    }

    #[test]
    fn a_program_is_read_as_it_was_written() {
        let bytes = script().to_bytes().unwrap();
        assert_eq!(Script::from_bytes(&bytes).unwrap(), script());
        assert!(is_script(&bytes) && !is_script(b"constants.pkl"));
    }

    #[test]
    fn a_program_is_no_checkpoint_and_a_checkpoint_no_program() {
        let error = super::super::from_bytes(&script().to_bytes().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "it is a TorchScript program, not a checkpoint");
        let weights = [("a".to_owned(), script().tensors[0].array.clone())].into();
        let checkpoint =
            super::super::to_state_dict(&super::super::ModelFile { weights, ..Default::default() }).unwrap();
        let error = Script::from_bytes(&checkpoint).unwrap_err();
        let class = "it holds a collections.OrderedDict, not a TorchScript program of Kiln's";
        assert_eq!(error.to_string(), class);
    }
}
