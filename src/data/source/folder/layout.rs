//! How a dataset's folders are laid out: what the place of an image says about its split and class.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    data::{Split, source::File},
    error::{Error, Result},
    shown, suggest,
};

/// Names of split folders, in lower case and without what divides words; of two folders for one split the first
/// counts.
const NAMES: [(Split, &[&str]); 3] = [
    (Split::Train, &["train", "training", "trn"]),
    (Split::Val, &["val", "validation", "valid", "validate", "dev", "eval", "evaluation"]),
    (Split::Test, &["test", "testing", "tst"]),
];
/// What may follow them: `training_set`, `test-images`.
const ENDINGS: [&str; 6] = ["set", "data", "images", "imgs", "split", "folder"];
/// How many folders deep a dataset may lie, each the only one in the last, as archives are unpacked.
const MAX_DEPTH: usize = 8;

/// How a dataset's folders are laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The folder, with a `/`, in which the split folders lie; empty if that is the root.
    pub base: String,
    /// The split folders by their names in `base`; if there are none, every image is placed in `train`.
    pub splits: BTreeMap<Split, String>,
    /// Class names in code-point order: the folders of `train`, or of the only split there is.
    pub classes: Vec<String>,
    /// The images of the known classes, in the order of the files.
    pub placed: Vec<Placed>,
    /// Folders of other splits that are no class of `train`, e.g. `val/zebra`, by what they would be called.
    pub unknown: BTreeMap<String, String>,
    /// Folders named like a split that has another folder, e.g. `valid` beside `val`.
    pub rivals: Vec<String>,
    /// Folders named like a split that hold images and no class folders, with how many.
    pub bare: BTreeMap<Split, (String, usize)>,
    /// Names of images that lie in no class folder.
    pub stray: Vec<String>,
}

/// An image whose place says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Place in the list of files.
    pub file: usize,
    /// The folder it lies in.
    pub split: Split,
    /// The image's class, as its place in [`Layout::classes`].
    pub class: usize,
}

/// The split that a folder of this name holds, by any usual spelling: `train`, `Training`, `VALID`, `test_set`.
pub(super) fn split_of(name: &str) -> Option<Split> {
    rank(name).map(|(split, _)| split)
}

/// The split of a name, and its place among the names of that split.
fn rank(name: &str) -> Option<(Split, usize)> {
    let name: String = name.to_lowercase().chars().filter(|char| char.is_alphanumeric()).collect();
    let endings = ENDINGS.iter().filter_map(|ending| name.strip_suffix(ending));
    let find = |name: &str| {
        let place =
            |(split, names): &(Split, &[&str])| Some((*split, names.iter().position(|one| *one == name)?));
        NAMES.iter().find_map(place)
    };
    std::iter::once(name.as_str()).chain(endings).find_map(find)
}

/// Tells split and class of every file from its name: `<split>/<class>/**` if there is a split folder, also where
/// all lies in one folder or a few of them (`archive/train/<class>/**`), else `<class>/**`.
///
/// # Errors
/// When the folders look like splits, but their places say something else: splits in each of several folders, or
/// without class folders.
pub(super) fn layout(files: &[File]) -> Result<Layout> {
    let Some((base, folders)) = find_base(files) else {
        return flat(files);
    };
    let mut layout = Layout { base, ..Layout::default() };
    layout.choose(&folders);
    layout.place(files);
    Ok(layout)
}

/// A folder, by what lies below it.
#[derive(Debug, Default)]
struct Folder<'f> {
    /// How many images lie directly in it, and how many in its folders.
    direct: usize,
    below: usize,
    /// Folders in it that are named like splits, and whether there are folders with images in them.
    splits: BTreeMap<&'f str, bool>,
}

type Folders<'f> = BTreeMap<&'f str, Folder<'f>>;

/// The folders in `base`, which is empty or ends in `/`.
fn folders<'f>(files: &'f [File], base: &str) -> Folders<'f> {
    let mut folders = Folders::new();
    for rest in files.iter().filter_map(|file| file.name.strip_prefix(base)) {
        let Some((folder, rest)) = rest.split_once('/') else { continue };
        let folder = folders.entry(folder).or_default();
        let Some((inner, rest)) = rest.split_once('/') else {
            folder.direct += 1;
            continue;
        };
        folder.below += 1;
        if folder.splits.contains_key(inner) || split_of(inner).is_some() {
            *folder.splits.entry(inner).or_default() |= rest.contains('/');
        }
    }
    folders
}

impl Folder<'_> {
    /// The splits that its folders are named like.
    fn kinds(&self) -> BTreeSet<Split> {
        self.splits.keys().filter_map(|name| split_of(name)).collect()
    }
}

/// Where split folders with class folders lie, and what lies there; nothing if there are none.
fn find_base(files: &[File]) -> Option<(String, Folders<'_>)> {
    let mut base = String::new();
    for _ in 0..MAX_DEPTH {
        let here = folders(files, &base);
        if here.iter().any(|(name, folder)| folder.below > 0 && split_of(name).is_some()) {
            return Some((base, here));
        }
        let (1, Some(only)) = (here.len(), here.keys().next()) else { return None };
        base = format!("{base}{only}/");
    }
    None
}

/// Class folders without splits, unless they only look like that.
fn flat(files: &[File]) -> Result<Layout> {
    let here = folders(files, "");
    splits_in_folders(&here)?;
    splits_without_classes(&here)?;
    let mut layout = Layout::default();
    layout.place(files);
    Ok(layout)
}

fn splits_in_folders(here: &Folders<'_>) -> Result<()> {
    let all = here.len() > 1 && here.values().all(|folder| !folder.splits.is_empty());
    let meant: Vec<_> = here.iter().filter(|(_, folder)| all || folder.kinds().len() > 1).collect();
    if meant.is_empty() {
        return Ok(());
    }
    let inner = |(name, folder): &(&&str, &Folder<'_>)| -> Vec<String> {
        folder.splits.keys().map(|inner| format!("{name}/{inner}")).collect()
    };
    let named = shown::few(&meant.iter().flat_map(inner).collect::<Vec<_>>());
    let holders: Vec<_> = meant.iter().map(|(name, _)| shown::text(name)).take(3).collect();
    Err(if meant.iter().any(|(_, folder)| folder.splits.values().any(|has_classes| *has_classes)) {
        let help = format!(
            "name the folder that holds one of them as `root`: {}",
            suggest::list(&holders, "or", "")
        );
        Error::new(format!("the split folders lie one level down: {named}")).help(help)
    } else if here.len() == 1 {
        no_classes(&named)
    } else {
        Error::new(format!("the class folders hold split folders: {named}"))
            .help("put the splits above the classes: train/<class>/ and val/<class>/")
    })
}

fn splits_without_classes(here: &Folders<'_>) -> Result<()> {
    let kinds: Option<BTreeSet<Split>> = here.keys().map(|name| split_of(name)).collect();
    if kinds.is_none_or(|kinds| kinds.len() < 2) {
        return Ok(());
    }
    Err(no_classes(&shown::few(&here.keys().collect::<Vec<_>>())))
}

fn no_classes(named: &str) -> Error {
    Error::new(format!("the split folders hold images and no class folders: {named}"))
        .help("the class of an image is the name of its folder: use train/<class>/ and val/<class>/")
}

impl Layout {
    /// Whether there are split folders.
    pub(super) fn has_splits(&self) -> bool {
        !self.splits.is_empty()
    }

    /// The folder, with a `/`, in which the class folders of a split lie, as far as there is one.
    pub(super) fn folder(&self, split: Split) -> String {
        let name = self.splits.get(&split).map(|name| format!("{name}/"));
        format!("{}{}", self.base, name.unwrap_or_default())
    }

    /// Decides which folder holds which split.
    fn choose(&mut self, folders: &Folders<'_>) {
        let mut named: Vec<_> =
            folders.iter().filter_map(|(name, folder)| Some((rank(name)?, *name, folder))).collect();
        // Of `train` and `Train`, the plain one.
        named.sort_by_key(|((split, place), name, _)| (*split, *place, name.to_lowercase() != **name, *name));
        for ((split, _), name, folder) in named {
            match (folder.below, self.splits.get(&split)) {
                (0, _) => {
                    _ = self.bare.entry(split).or_insert((format!("{}{name}", self.base), folder.direct));
                }
                (_, None) => _ = self.splits.insert(split, name.to_owned()),
                (_, Some(_)) => self.rivals.push(format!("{}{name}", self.base)),
            }
        }
        self.bare.retain(|split, _| !self.splits.contains_key(split));
    }

    /// Finds the classes and places the files.
    fn place(&mut self, files: &[File]) {
        let places: Vec<_> = files.iter().map(|file| self.place_of(&file.name)).collect();
        self.classes = classes(&places);
        for (file, place) in places.into_iter().enumerate() {
            let Some((split, class)) = place else {
                self.stray.push(files[file].name.clone());
                continue;
            };
            match self.classes.binary_search_by(|known| known.as_str().cmp(class)) {
                Ok(class) => self.placed.push(Placed { file, split, class }),
                Err(_) => {
                    let folder = format!("{}{class}", self.folder(split));
                    self.unknown.insert(folder, class.to_owned());
                }
            }
        }
    }

    fn place_of<'f>(&self, name: &'f str) -> Option<(Split, &'f str)> {
        let (first, rest) = name.strip_prefix(self.base.as_str())?.split_once('/')?;
        if !self.has_splits() {
            return Some((Split::Train, first));
        }
        let (split, _) = self.splits.iter().find(|(_, folder)| *folder == first)?;
        Some((*split, rest.split_once('/')?.0))
    }
}

/// The class folders of the first split that has any.
fn classes(places: &[Option<(Split, &str)>]) -> Vec<String> {
    let of = |split| places.iter().flatten().filter(move |place| place.0 == split).map(|place| place.1);
    let sorted =
        |split| of(split).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect::<Vec<_>>();
    Split::ALL.into_iter().map(sorted).find(|classes| !classes.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files<S: AsRef<str>>(names: &[S]) -> Vec<File> {
        let file =
            |name: &S| File { name: name.as_ref().into(), size: 1, digest: String::new(), fault: None };
        names.iter().map(file).collect()
    }

    fn lay(names: &[&str]) -> Layout {
        layout(&files(names)).unwrap()
    }

    fn refused(names: &[&str]) -> String {
        let error = layout(&files(names)).unwrap_err();
        format!("{error}; {}", error.hint().unwrap())
    }

    /// Split and class of each file that has one.
    fn places(layout: &Layout) -> Vec<(usize, Split, &str)> {
        let place = |placed: &Placed| (placed.file, placed.split, layout.classes[placed.class].as_str());
        layout.placed.iter().map(place).collect()
    }

    #[test]
    fn classes_are_the_folders_of_train_in_code_point_order() {
        let names = ["train/apple/1.png", "train/10/1.png", "train/2/1.png", "train/Cherry/deep/er/1.png"];
        assert_eq!(lay(&names).classes, ["10", "2", "Cherry", "apple"]);
    }

    #[test]
    fn the_first_name_of_val_counts() {
        let layout = lay(&["train/a/1.png", "valid/a/1.png", "validation/a/1.png", "test/b/1.png"]);
        assert_eq!(places(&layout), [(0, Split::Train, "a"), (2, Split::Val, "a")]);
        assert_eq!(
            (layout.stray, layout.rivals),
            (vec!["valid/a/1.png".to_owned()], vec!["valid".to_owned()])
        );
        assert_eq!(layout.unknown, BTreeMap::from([("test/b".to_owned(), "b".to_owned())]));
    }

    #[test]
    fn class_folders_alone_are_all_train() {
        let layout = lay(&["cat/1.png", "dog/x/1.png", "loose.png"]);
        assert!(!layout.has_splits());
        assert_eq!(layout.classes, ["cat", "dog"]);
        assert_eq!(layout.placed.len(), 2);
        assert_eq!(layout.stray, ["loose.png"]);
    }

    #[test]
    fn a_class_may_be_called_like_a_split() {
        assert!(!lay(&["train/1.png", "cat/1.png"]).has_splits());
        assert_eq!(lay(&["cat/train/1.png", "cat/2.png"]).classes, ["cat"]);
    }

    #[test]
    fn splits_have_many_names() {
        let named = [
            (Split::Train, &["train", "Train", "TRAINING", "training_set", "Train Data", "trainset"][..]),
            (
                Split::Val,
                &["val", "Val", "valid", "Validation", "VALIDATION_SET", "dev", "eval", "valid-images"],
            ),
            (Split::Test, &["test", "Testing", "TEST", "test_set", "testset"]),
        ];
        for (split, names) in named {
            for name in names {
                assert_eq!(split_of(name), Some(split), "{name}");
            }
        }
        for name in
            ["", "data", "dataset", "images", "cat", "trainer", "tests_x", "rain", "best", "value", "set"]
        {
            assert_eq!(split_of(name), None, "{name}");
        }
    }

    #[test]
    fn capitals_make_no_class() {
        let layout = lay(&["Training/cat/1.png", "Training/dog/1.png", "Testing/cat/1.png"]);
        assert_eq!(layout.classes, ["cat", "dog"]);
        assert_eq!(layout.placed[2].split, Split::Test);
        let both = lay(&["train/a/1.png", "Train/b/1.png"]);
        assert_eq!((&both.classes[..], &both.rivals[..]), (&["a".to_owned()][..], &["Train".to_owned()][..]));
    }

    #[test]
    fn splits_a_few_levels_down_are_found() {
        let layout = lay(&["a/b/train/cat/1.png", "a/b/val/cat/1.png", "a/preview.png"]);
        assert_eq!((layout.base.as_str(), layout.placed.len()), ("a/b/", 2));
        assert_eq!(layout.folder(Split::Val), "a/b/val/");
        assert_eq!(layout.stray, ["a/preview.png"]);
    }

    #[test]
    fn what_only_looks_like_classes_is_refused() {
        insta::assert_snapshot!(refused(&["a/train/x/1.png", "a/val/x/1.png", "b/train/x/1.png", "c/1.png"]), @"the split folders lie one level down: a/train, a/val; name the folder that holds one of them as `root`: `a`");
        insta::assert_snapshot!(refused(&["cat/train/1.png", "dog/train/1.png", "dog/val/1.png"]), @"the class folders hold split folders: cat/train, dog/train, dog/val; put the splits above the classes: train/<class>/ and val/<class>/");
        insta::assert_snapshot!(refused(&["train/1.jpg", "val/1.jpg"]), @"the split folders hold images and no class folders: train, val; the class of an image is the name of its folder: use train/<class>/ and val/<class>/");
        insta::assert_snapshot!(refused(&["images/train/1.jpg", "images/val/1.jpg"]), @"the split folders hold images and no class folders: images/train, images/val; the class of an image is the name of its folder: use train/<class>/ and val/<class>/");
    }

    #[test]
    fn a_split_without_class_folders_is_known_as_that() {
        let layout = lay(&["train/cat/1.png", "val/1.png", "val/2.png"]);
        assert_eq!(layout.bare, BTreeMap::from([(Split::Val, ("val".to_owned(), 2))]));
    }

    /// Names such as `train/cat/1.png`, some deeper, some not placed.
    fn names() -> impl Strategy<Value = Vec<String>> {
        let split = prop::sample::select(vec!["train", "val", "test", "valid", "other"]);
        let class = prop::sample::select(vec!["cat", "Dog", "10", "train"]);
        let name = (split, class, 0..4, 0..3).prop_map(|(split, class, n, depth)| match depth {
            0 => format!("{split}/{n}.png"),
            1 => format!("{split}/{class}/{n}.png"),
            _ => format!("{split}/{class}/deep/{n}.png"),
        });
        prop::collection::btree_set(name, 0..24).prop_map(|names| names.into_iter().collect())
    }

    proptest! {
        #[test]
        fn the_case_of_split_folders_changes_nothing(names in names()) {
            let capital = |name: &String| {
                let (split, rest) = name.split_once('/').unwrap();
                let split = if split == "other" { split.to_owned() } else { split.to_uppercase() };
                format!("{split}/{rest}")
            };
            let renamed: Vec<String> = names.iter().map(capital).collect();
            match (layout(&files(&names)), layout(&files(&renamed))) {
                (Ok(plain), Ok(renamed)) if plain.has_splits() => prop_assert_eq!(places(&plain), places(&renamed)),
                (Ok(plain), Ok(renamed)) => prop_assert!(!renamed.has_splits() && plain.placed.len() == renamed.placed.len()),
                (plain, renamed) => prop_assert!(plain.is_err() && renamed.is_err()),
            }
        }

        #[test]
        fn a_folder_around_all_changes_nothing(names in names()) {
            let around: Vec<String> = names.iter().map(|name| format!("archive/{name}")).collect();
            if let (Ok(plain), Ok(around)) = (layout(&files(&names)), layout(&files(&around)))
                && plain.has_splits()
            {
                prop_assert_eq!(places(&plain), places(&around));
            }
        }
    }
}
