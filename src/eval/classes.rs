//! What a score rests on: how many images each class has, and how many of them were named right.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::metrics::{Metric, share};
use crate::shown;

/// With so many classes or fewer, each is told by itself.
const EACH: usize = 5;

/// The images of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// How many images the class has.
    pub images: u64,
    /// How many of them were named right.
    pub right: u64,
}

/// The classes that a network tells apart, and what became of their images.
#[derive(Debug, Clone, Copy)]
pub struct Classes<'a> {
    names: &'a [String],
    hits: &'a [Hits],
}

impl<'a> Classes<'a> {
    /// The classes by their `names` and `hits`, each `[classes]`.
    pub fn new(names: &'a [String], hits: &'a [Hits]) -> Self {
        Self { names, hits }
    }

    /// How many images there are.
    pub fn images(&self) -> u64 {
        self.hits.iter().map(|hits| hits.images).sum()
    }

    /// The share of images that were named right, in 0 to 1; 0 without images.
    pub fn accuracy(&self) -> f64 {
        share(self.hits.iter().map(|hits| hits.right).sum(), self.images())
    }

    /// The share of images that are of the class with the most, in 0 to 1; 0 without images.
    pub fn largest_share(&self) -> f64 {
        share(self.hits.iter().map(|hits| hits.images).max().unwrap_or(0), self.images())
    }

    /// The classes that have images, in order.
    fn there(&self) -> impl Iterator<Item = (&'a str, Hits)> {
        let all = self.names.iter().zip(self.hits);
        all.filter(|(_, hits)| hits.images > 0).map(|(name, hits)| (name.as_str(), *hits))
    }

    /// The same, those with the most images first.
    fn largest_first(&self) -> Vec<(&'a str, Hits)> {
        let mut classes: Vec<_> = self.there().collect();
        classes.sort_by_key(|(_, hits)| std::cmp::Reverse(hits.images));
        classes
    }

    /// The images before anything is said of them: `26 images of 2 classes: cat 20, dog 6; the largest class
    /// alone gives top-1 0.769`.
    pub fn ground(&self) -> String {
        let counts = self.told(|name, hits| format!("{name} {}", hits.images));
        format!("{counts}; the largest class alone gives top-1 {}", self.share(self.largest_share()))
    }

    /// A score in one line, with all that it rests on: accuracies and loss, the images, what the largest class alone
    /// gives, and the classes of which no image was named right.
    ///
    /// `top5`: nothing where it says nothing, as [`super::metrics::Accumulator::top5`]; `loss`: mean cross-entropy.
    pub fn headline(&self, top5: Option<f64>, loss: f64) -> String {
        let mut parts = vec![format!("top-1 {}", self.share(self.accuracy()))];
        parts.extend(top5.map(|top5| format!("top-5 {}", self.share(top5))));
        parts.push(format!("loss {loss:.4}"));
        parts.extend(self.outcome());
        parts.join("  ")
    }

    fn outcome(&self) -> Vec<String> {
        let counts = self.told(|name, Hits { images, right }| format!("{name} {right} of {images} right"));
        let mut parts =
            vec![counts, format!("the largest class alone gives {}", self.share(self.largest_share()))];
        parts.extend(self.none_right());
        parts
    }

    fn told(&self, each: impl Fn(&str, Hits) -> String) -> String {
        let classes = self.largest_first();
        let of = match (classes.len(), self.names.len()) {
            (there, all) if there == all => count(all, "class", "classes"),
            (there, all) => format!("{there} of the {}", count(all, "class", "classes")),
        };
        let text = format!("{} of {of}", count(self.images() as usize, "image", "images"));
        match &classes[..] {
            [] => text,
            few if few.len() <= EACH => {
                let each = few.iter().map(|(name, hits)| each(&shown::text(name), *hits));
                format!("{text}: {}", each.collect::<Vec<_>>().join(", "))
            }
            [(_, most), .., (_, least)] if most.images == least.images => {
                format!("{text}, {} each", most.images)
            }
            [(_, most), .., (_, least)] => format!("{text}, {} to {} each", least.images, most.images),
            [_] => unreachable!("one is few"),
        }
    }

    fn none_right(&self) -> Option<String> {
        let all = self.largest_first();
        let none = all.iter().filter(|(_, hits)| hits.right == 0);
        let none: Vec<_> = none.map(|(name, hits)| format!("{name} (0 of {})", hits.images)).collect();
        (!none.is_empty()).then(|| {
            let classes = count(none.len(), "class", "classes");
            format!("none right of {classes}: {}", shown::few(&none))
        })
    }

    fn share(&self, share: f64) -> String {
        shown_share(share, self.images())
    }

    /// What a score rests on, as numbers with their definitions.
    pub fn report(&self) -> Vec<Metric> {
        let by_name = |value: fn(Hits) -> Value| {
            Value::Object(
                self.there().map(|(name, hits)| (name.to_owned(), value(hits))).collect::<Map<_, _>>(),
            )
        };
        let none: Vec<&str> =
            self.there().filter(|(_, hits)| hits.right == 0).map(|(name, _)| name).collect();
        vec![
            Metric::new(
                "largest_class_share",
                json!(self.largest_share()),
                "share of the images that are of the class with the most of them: the top-1 accuracy of naming that class always",
            ),
            Metric::new(
                "class_images",
                by_name(|hits| hits.images.into()),
                "for each class that has images, how many of them were scored",
            ),
            Metric::new(
                "class_right",
                by_name(|hits| hits.right.into()),
                "for each class that has images, how many of them were predicted as it",
            ),
            Metric::new(
                "class_recall",
                by_name(|hits| share(hits.right, hits.images).into()),
                "for each class that has images, its recall: of the images of the class, the share predicted as it \
                 (class_right / class_images); also called the class's accuracy or sensitivity",
            ),
            Metric::new(
                "classes_none_right",
                json!(none),
                "the classes that have images, none of which was predicted as it",
            ),
        ]
    }
}

/// A share of so many images as people read it: with three decimals, or four where one image shows in the fourth;
/// never as 0 or 1 where it is only near it.
pub fn shown_share(share: f64, images: u64) -> String {
    let (decimals, step) = if images > 1000 { (4, 1e-4) } else { (3, 1e-3) };
    let share = if share > 0.0 && share < 1.0 { share.clamp(step, 1.0 - step) } else { share };
    format!("{share:.decimals$}")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn hits(hits: &[(u64, u64)]) -> Vec<Hits> {
        hits.iter().map(|&(images, right)| Hits { images, right }).collect()
    }

    #[test]
    fn few_classes_are_told_one_by_one_the_largest_first() {
        let (names, hits) = (names(&["cat", "dog\n", "eel"]), hits(&[(6, 0), (17, 17), (3, 3)]));
        let classes = Classes::new(&names, &hits);
        insta::assert_snapshot!(classes.ground(), @r"26 images of 3 classes: dog\n 17, cat 6, eel 3; the largest class alone gives top-1 0.654");
        insta::assert_snapshot!(classes.headline(None, 0.78834), @r"top-1 0.769  loss 0.7883  26 images of 3 classes: dog\n 17 of 17 right, cat 0 of 6 right, eel 3 of 3 right  the largest class alone gives 0.654  none right of 1 class: cat (0 of 6)");
    }

    #[test]
    fn five_classes_are_few_and_six_are_many() {
        let some: Vec<String> = (0..6).map(|class| format!("k{class}")).collect();
        let all = hits(&[(2, 1); 6]);
        let told = |count: usize| Classes::new(&some[..count], &all[..count]).ground();
        assert!(told(5).contains("k0 2, k1 2, k2 2, k3 2, k4 2;") && told(6).contains("6 classes, 2 each;"));
    }

    #[test]
    fn many_classes_are_told_by_their_range() {
        let some: Vec<String> = (0..30).map(|class| format!("k{class}")).collect();
        let told = |counts: &[(u64, u64)]| {
            let hits = hits(counts);
            Classes::new(&some[..counts.len()], &hits).outcome().join("  ")
        };
        insta::assert_snapshot!(told(&[(8, 1); 10]), @"80 images of 10 classes, 8 each  the largest class alone gives 0.100");
        let uneven: Vec<(u64, u64)> = (0..30).map(|class| (class % 10, class / 26)).collect();
        insta::assert_snapshot!(told(&uneven), @"135 images of 27 of the 30 classes, 1 to 9 each  the largest class alone gives 0.067  none right of 23 classes: k9 (0 of 9), k19 (0 of 9), k8 (0 of 8) and 20 more");
        insta::assert_snapshot!(told(&[(1200, 9), (0, 0)]), @"1200 images of 1 of the 2 classes: k0 9 of 1200 right  the largest class alone gives 1.0000");
    }

    #[test]
    fn only_classes_with_images_have_numbers() {
        let (names, hits) = (names(&["cat", "dog", "eel"]), hits(&[(4, 3), (0, 0), (2, 0)]));
        let classes = Classes::new(&names, &hits);
        assert_eq!((classes.images(), classes.accuracy(), classes.largest_share()), (6, 0.5, 4.0 / 6.0));
        let values: Vec<Value> = classes.report().into_iter().map(|metric| metric.value).collect();
        let expected = [
            json!(4.0 / 6.0),
            json!({ "cat": 4, "eel": 2 }),
            json!({ "cat": 3, "eel": 0 }),
            json!({ "cat": 0.75, "eel": 0.0 }),
            json!(["eel"]),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn a_headline_has_top_5_where_it_says_something() {
        let (names, hits) = (names(&["a", "b", "c", "d", "e", "f"]), hits(&[(2, 1); 6]));
        let headline = Classes::new(&names, &hits).headline(Some(11.0 / 12.0), 0.00004);
        insta::assert_snapshot!(headline, @"top-1 0.500  top-5 0.917  loss 0.0000  12 images of 6 classes, 2 each  the largest class alone gives 0.167");
    }

    #[test]
    fn nearly_all_is_not_all() {
        let shown = |right: u64, images: u64| shown_share(right as f64 / images as f64, images);
        assert_eq!([shown(61, 80), shown(0, 80), shown(80, 80)], ["0.762", "0.000", "1.000"]);
        assert_eq!([shown(1000, 1000), shown(999, 1000), shown(1999, 2000)], ["1.000", "0.999", "0.9995"]);
        assert_eq!([shown(49_999, 50_000), shown(1, 50_000)], ["0.9999", "0.0001"]);
    }

    #[test]
    fn without_images_there_are_zeros_and_no_names() {
        let (names, hits) = (names(&["cat"]), hits(&[(0, 0)]));
        let classes = Classes::new(&names, &hits);
        assert_eq!((classes.accuracy(), classes.largest_share()), (0.0, 0.0));
        assert_eq!(classes.outcome()[0], "0 images of 0 of the 1 class");
    }
}
