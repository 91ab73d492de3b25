//! What each class counts in the loss.

use std::collections::BTreeMap;

use crate::{
    data::{Index, Split},
    error::{Error, Result},
    suggest::closest,
};

/// What each class counts in the loss.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ClassWeights {
    /// Every class counts the same.
    #[default]
    Even,
    /// `images / (classes · images of the class)`: a rare class counts as much as a frequent one.
    Balanced,
    /// By name; 1 for classes that are not named.
    Given(BTreeMap<String, f64>),
}

impl ClassWeights {
    /// The weight of each class of the dataset; nothing if all are the same.
    ///
    /// # Errors
    /// If a name is none of a class.
    pub fn resolve(&self, index: &Index) -> Result<Option<Vec<f64>>> {
        match self {
            Self::Even => Ok(None),
            Self::Balanced => Ok(Some(balanced(&index.counts(Split::Train)))),
            Self::Given(given) => {
                if let Some(name) = given.keys().find(|name| !index.classes.contains(name)) {
                    return Err(unknown(name, &index.classes));
                }
                let weight = |class| given.get(class).copied().unwrap_or(1.0);
                Ok(Some(index.classes.iter().map(weight).collect()))
            }
        }
    }
}

fn balanced(counts: &[usize]) -> Vec<f64> {
    let images: usize = counts.iter().sum();
    let weight = |&count: &usize| match count {
        0 => 1.0,
        _ => images as f64 / (counts.len() * count) as f64,
    };
    counts.iter().map(weight).collect()
}

fn unknown(name: &str, classes: &[String]) -> Error {
    let error = Error::new(format!("`class_weights` names `{name}`, but the dataset has no such class"));
    match closest(name, classes.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("its classes are {}", classes.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Sample, source::Location};

    fn index() -> Index {
        let sample =
            |class| Sample { location: Location::File(String::new()), class, size: 1, digest: String::new() };
        let classes = ["ant", "bee", "cow"].map(ToOwned::to_owned).to_vec();
        Index { classes, train: [0, 0, 0, 1].map(sample).to_vec(), ..Index::default() }
    }

    fn given(weights: &[(&str, f64)]) -> ClassWeights {
        ClassWeights::Given(weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect())
    }

    #[test]
    fn rare_classes_count_more_and_the_mean_over_images_is_one() {
        let weights = ClassWeights::Balanced.resolve(&index()).unwrap().unwrap();
        assert_eq!(weights, [4.0 / 9.0, 4.0 / 3.0, 1.0]);
    }

    #[test]
    fn weights_go_by_name() {
        assert_eq!(given(&[("cow", 3.0)]).resolve(&index()).unwrap(), Some(vec![1.0, 1.0, 3.0]));
        assert_eq!(ClassWeights::Even.resolve(&index()).unwrap(), None);
        let error = given(&[("cows", 3.0)]).resolve(&index()).unwrap_err();
        assert_eq!(error.to_string(), "`class_weights` names `cows`, but the dataset has no such class");
        assert_eq!(error.hint(), Some("did you mean `cow`?"));
    }
}
