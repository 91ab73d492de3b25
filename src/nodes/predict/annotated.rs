//! Copies of the images with the likeliest classes on them, each at its own size.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    data::decode::decode,
    error::{Error, Result},
    eval::{
        predict::ImageFile,
        predictions::{ClassProb, Prediction},
    },
    names::plain_part,
    node::Context,
    plot::{annotate::annotate, png::png},
};

/// Writes `annotated/<stem>.png` for each image that could be read.
///
/// # Errors
/// If one can't be written, or the user asks to stop.
pub(super) fn write(cx: &Context<'_>, entries: &[ImageFile], outcomes: &[Result<Prediction>]) -> Result<()> {
    let folder = cx.out.join("annotated");
    fs::create_dir(&folder).map_err(|error| Error::io("create", &folder, error))?;
    let found: Vec<(&ImageFile, &Prediction)> = entries
        .iter()
        .zip(outcomes)
        .filter_map(|(entry, outcome)| Some((entry, outcome.as_ref().ok()?)))
        .collect();
    // Shorter than a name may be, so that there is room for a number and the extension.
    let names = unique(found.iter().map(|(entry, _)| plain_part(&stem(&entry.path), 240)));
    for (i, ((entry, prediction), name)) in found.iter().zip(names).enumerate() {
        cx.progress.check()?;
        match decode(&entry.path) {
            Ok(mut image) => {
                let lines: Vec<String> = prediction.top.iter().map(ClassProb::label).collect();
                annotate(&mut image, &lines);
                cx.write(&format!("annotated/{name}.png"), png(&image)?)?;
            }
            // It could be read a moment ago.
            Err(error) => cx.progress.warn(format!("{error}, so it is not annotated")),
        }
        cx.progress.step("annotate", i + 1, found.len(), "images");
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "image".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The names in order; one that was there already gets `-2`, `-3`, …. Names that differ only in
/// upper and lower case count as equal, because some file systems take them so.
fn unique(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut free = |name: &String| taken.insert(name.to_lowercase());
    let mut all = Vec::new();
    for name in names {
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let first = std::iter::once(name.clone()).chain(numbered).find(|name| free(name));
        all.push(first.expect("numbers don't end"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_repeat_get_numbers() {
        let names = ["a", "b", "a", "a-2", "A", "a"].map(String::from);
        assert_eq!(unique(names), ["a", "b", "a-2", "a-2-2", "A-3", "a-4"]);
    }
}
