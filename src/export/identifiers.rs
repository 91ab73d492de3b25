//! Names for formats that are written in a language: letters, digits and `_`.

use super::{free_names::Names, interface::PROBABILITIES, lowered::Lowered};

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Identifiers(Names);

impl Identifiers {
    /// The identifier for `name`, which is taken from now on: one that was taken before gets a number behind it.
    pub(super) fn free(&mut self, name: &str) -> String {
        self.0.free(&identifier(name))
    }

    /// Those for these names, in order.
    pub(super) fn all<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        names.into_iter().map(|name| self.free(name)).collect()
    }
}

impl Lowered {
    /// What each tensor is called after, by its number: the module that gives it; the images are called `images`.
    pub(super) fn named<'a>(&'a self, images: &'a str) -> impl Iterator<Item = &'a str> {
        // Tensors are numbered in the order in which they are given.
        let given = self.instructions.iter().flat_map(|it| {
            let name = if it.at.is_empty() { PROBABILITIES } else { it.at.as_str() };
            it.outputs.iter().map(move |_| name)
        });
        std::iter::once(images).chain(given)
    }
}

fn identifier(name: &str) -> String {
    let known = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
    let plain: String = name.chars().map(known).collect();
    if plain.starts_with(|first: char| first.is_ascii_alphabetic()) { plain } else { format!("_{plain}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let names = ["model.0.conv", "model_0.conv", "model.0.conv", "", "3x", "model.0.conv_2"];
        let given = ["model_0_conv", "model_0_conv_1", "model_0_conv_2", "_", "_3x", "model_0_conv_2_1"];
        assert_eq!(Identifiers::default().all(names), given);
    }
}
