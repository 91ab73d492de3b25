//! The architectures that Kiln knows by name.

use crate::{
    error::{Error, Result},
    shown, suggest,
};

/// Built-in model YAMLs by name without a scale letter.
const BUILT_IN: [(&str, &str); 7] = [
    ("yolo11-cls", include_str!("built_in/yolo11-cls.yaml")),
    ("yolo12-cls", include_str!("built_in/yolo12-cls.yaml")),
    ("yolo26-cls", include_str!("built_in/yolo26-cls.yaml")),
    ("yolov8-cls", include_str!("built_in/yolov8-cls.yaml")),
    ("yolo11-cls-resnet18", include_str!("built_in/yolo11-cls-resnet18.yaml")),
    ("yolov8-cls-resnet50", include_str!("built_in/yolov8-cls-resnet50.yaml")),
    ("yolov8-cls-resnet101", include_str!("built_in/yolov8-cls-resnet101.yaml")),
];

/// Names of all built-in architectures, with their scale letters where they have scales.
pub fn names() -> Vec<String> {
    let scaled = |base: &&str| base.ends_with("-cls");
    let with = |base: &str, letter| base.replace("-cls", &format!("{letter}-cls"));
    let names = || BUILT_IN.iter().map(|(base, _)| *base);
    let letters = names().filter(scaled).flat_map(|base| ["n", "s", "m", "l", "x"].map(|l| with(base, l)));
    letters.chain(names().filter(|base| !scaled(base)).map(str::to_owned)).collect()
}

/// The text of a built-in model YAML.
pub(super) fn text(name: &str) -> Result<&'static str> {
    let base = without_scale(name);
    BUILT_IN.iter().find(|(known, _)| *known == base).map(|(_, text)| *text).ok_or_else(|| unknown(name))
}

/// The one name that was meant by another, if there is one.
pub(super) fn meant(name: &str) -> Option<String> {
    let known = names();
    let only = || suggest::only(name, known.iter().map(String::as_str));
    let meant = classifier(name, &known).or_else(only).filter(|_| !is_of_another_task(name));
    meant.map(str::to_owned)
}

/// The classifier of a detector's name: the reference calls its detectors `yolo11n`.
fn classifier<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known.iter().map(String::as_str).find(|known| known.strip_suffix("-cls") == Some(name))
}

/// Whether a name is close to others in letters, but not in meaning.
fn is_of_another_task(name: &str) -> bool {
    OTHER_TASKS.iter().any(|task| name.ends_with(task))
}

/// What networks for other tasks are called.
const OTHER_TASKS: [&str; 6] = ["-seg", "-pose", "-obb", "-det", "-detect", "-segment"];

fn unknown(name: &str) -> Error {
    let known = names();
    let error = Error::new(format!("there is no architecture `{}`", shown::text(name)));
    if is_of_another_task(name) {
        return error.help(format!("Kiln only has classifiers: {}", known.join(", ")));
    }
    match classifier(name, &known).or_else(|| suggest::closest(name, known.iter().map(String::as_str))) {
        Some(near) => error.help(format!("did you mean `{near}`? A path to a model YAML works too")),
        None => error
            .help(format!("the built-in ones are {}; a path to a model YAML works too", known.join(", "))),
    }
}

/// Splits `yolo11n-cls` into what stands before the letter, the letter, and the rest.
fn split_scale(name: &str) -> Option<(&str, char, &str)> {
    let at = name.find("yolo")? + 4;
    let rest = &name[at..];
    let rest = rest.strip_prefix("e-").unwrap_or(rest);
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    let rest =
        rest.strip_prefix(|c: char| c.is_ascii_digit())?.trim_start_matches(|c: char| c.is_ascii_digit());
    let letter = rest.chars().next().filter(|c| "nslmx".contains(*c))?;
    Some((&name[..name.len() - rest.len()], letter, &rest[1..]))
}

/// The letter of `yolo11n-cls` (docs/reference.md, Names and scale letters): `n`.
pub(super) fn scale_letter(name: &str) -> Option<char> {
    split_scale(name).map(|(_, letter, _)| letter)
}

fn without_scale(name: &str) -> String {
    split_scale(name).map_or_else(|| name.to_owned(), |(before, _, after)| format!("{before}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    #[test]
    fn scale_letters_are_found_as_the_reference_finds_them() {
        let expected = [("yolo11n-cls", Some('n')), ("yolov8x-cls", Some('x')), ("myyolo11s", Some('s'))];
        for (name, letter) in expected.into_iter().chain([("yolo11-cls", None), ("custom", None)]) {
            assert_eq!(scale_letter(name), letter, "{name}");
        }
        assert_eq!(scale_letter("yolov8-cls-resnet50"), None);
    }

    #[test]
    fn every_name_is_an_architecture() {
        let names = names();
        assert_eq!(names.len(), 4 * 5 + 3);
        for name in names {
            assert_eq!(Arch::built_in(&name, 7).unwrap().rows.last().unwrap().out_channels, 7, "{name}");
        }
    }

    #[test]
    fn another_task_is_not_a_mistyped_name() {
        for name in ["yolo11n-seg", "yolov8s-pose", "yolo11x-obb"] {
            let error = Arch::built_in(name, 10).unwrap_err();
            assert!(error.hint().unwrap().starts_with("Kiln only has classifiers: "), "{name}");
        }
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        let error = Arch::built_in("yolo11n-cl", 10).unwrap_err();
        assert_eq!(error.to_string(), "there is no architecture `yolo11n-cl`");
        assert!(error.hint().unwrap().contains("yolo11n-cls"));
        assert!(Arch::built_in("yolov8s", 10).unwrap_err().hint().unwrap().contains("`yolov8s-cls`?"));
    }
}
