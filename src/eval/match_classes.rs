//! A dataset's classes and a model's, matched by name: their indices need not agree.

use std::collections::BTreeMap;

use crate::{
    alike,
    data::{Dataset, Index, Sample, Split},
    error::{Error, Result},
    progress::Progress,
    shown,
};

/// The images of `split` whose class the model knows, with the model's class indices; warns of the others.
///
/// # Errors
/// If there is none.
pub(super) fn match_classes(
    dataset: &Dataset,
    split: Split,
    names: &[String],
    progress: &Progress<'_>,
) -> Result<Dataset> {
    let classes: Vec<Option<usize>> =
        dataset.index.classes.iter().map(|class| names.iter().position(|name| name == class)).collect();
    let counts = dataset.index.counts(split);
    let strange = |at: &usize| classes[*at].is_none() && counts[*at] > 0;
    let strange: Vec<usize> = (0..classes.len()).filter(strange).collect();
    if !strange.is_empty() {
        let left_out: usize = strange.iter().map(|at| counts[*at]).sum();
        let named: Vec<&String> = strange.iter().map(|at| &dataset.index.classes[*at]).collect();
        progress.warn(format!("{}; images left out: {left_out}", strangers(&named, names)));
    }
    let sample = |sample: &Sample| Some(Sample { class: classes[sample.class]?, ..sample.clone() });
    let samples: Vec<Sample> = dataset.index.split(split).iter().filter_map(sample).collect();
    if samples.is_empty() {
        return Err(no_common_class(&dataset.index.classes, names));
    }
    let mut index = Index { classes: names.to_vec(), ..Index::default() };
    *index.split_mut(split) = samples;
    Ok(dataset.with_index(index))
}

/// That the model does not have these classes, and which of its own look like one of them.
fn strangers(strange: &[&String], names: &[String]) -> String {
    let told = match strange {
        [one] => format!("the model has no class `{}`", shown::text(one)),
        many => format!("the model does not have {} of the classes: {}", many.len(), shown::few(many)),
    };
    let known: BTreeMap<String, &String> = names.iter().map(|name| (alike::folded(name), name)).collect();
    let twin = |name: &&String| {
        let twin = known.get(&alike::folded(name))?;
        let difference = alike::difference(name, twin)?;
        Some(format!(" (its `{}` and `{}` differ {difference})", shown::text(twin), shown::text(name)))
    };
    format!("{told}{}", strange.iter().find_map(twin).unwrap_or_default())
}

fn no_common_class(dataset: &[String], model: &[String]) -> Error {
    let some = |names: &[String]| match names {
        [] => "none".to_owned(),
        some => shown::few(some),
    };
    Error::new("no image to measure on is of a class that the model has").help(format!(
        "classes are matched by name; the dataset has {}, the model has {}",
        some(dataset),
        some(model)
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        data::source::{Folder, Location},
        progress::{Stop, Update},
    };

    fn sample(path: &str, class: usize) -> Sample {
        Sample { location: Location::File(path.into()), class, size: 1, digest: String::new() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).into()).collect()
    }

    fn dataset() -> Dataset {
        let val = vec![sample("val/ant/1.png", 0), sample("val/bee/1.png", 1), sample("val/cow/1.png", 2)];
        let index = Index { classes: names(&["ant", "bee", "cow"]), val, ..Index::default() };
        Dataset::new(Folder::new("/data"), index)
    }

    /// The result of `work`, and what it warned of.
    fn warned<T>(work: impl FnOnce(&Progress<'_>) -> T) -> (T, Vec<String>) {
        let (warnings, stop) = (Mutex::new(Vec::new()), Stop::default());
        let sink = |update| {
            if let Update::Warning(line) = update {
                warnings.lock().unwrap().push(line);
            }
        };
        let result = work(&Progress::new(&sink, &stop));
        (result, warnings.into_inner().unwrap())
    }

    #[test]
    fn classes_are_matched_by_name() {
        let model = names(&["cow", "dog", "ant"]);
        let (matched, warnings) =
            warned(|progress| match_classes(&dataset(), Split::Val, &model, progress).unwrap());
        assert_eq!(warnings, ["the model has no class `bee`; images left out: 1"]);
        assert_eq!(matched.index.val, [sample("val/ant/1.png", 2), sample("val/cow/1.png", 0)]);
        assert_eq!(matched.index.classes, model);
    }

    #[test]
    fn without_a_common_class_there_is_nothing_to_measure() {
        let (error, _) =
            warned(|progress| match_classes(&dataset(), Split::Val, &names(&["x"]), progress).unwrap_err());
        assert_eq!(error.to_string(), "no image to measure on is of a class that the model has");
        let help = "classes are matched by name; the dataset has ant, bee, cow, the model has x";
        assert_eq!(error.hint(), Some(help));
    }
}
