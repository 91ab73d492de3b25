//! Making the changes that mend a pipeline file, as long as it gets better by them.

use std::{ops::Range, path::Path};

use super::{Loaded, Rejected, load_source};
use crate::{
    node::Kind,
    spec::{Problem, Source, codes},
};

/// How often what was mended is checked for what can now be mended.
const MAX_ROUNDS: usize = 100;
/// How many changes are tried one by one, where all together don't do.
const MAX_SINGLE: usize = 50;

/// Mistakes behind which a node, or the whole file, was not looked at: once one is gone, more may be told.
const HIDING: [&str; 4] = [codes::UNKNOWN_TYPE, codes::MISSING_KEY, codes::SYNTAX, codes::YAML_FEATURE];

/// Mistakes that a change can make where there was none.
const MADE: [&str; 2] = [codes::DUPLICATE_KEY, codes::CYCLE];

/// What a check gives.
type Outcome = Result<Loaded, Box<Rejected>>;

/// A pipeline file with all that could be mended.
pub struct Fixed {
    /// What it says now, or what is still wrong.
    pub outcome: Outcome,
    /// What was done, in order, each as [`crate::spec::Fix::title`] says it.
    pub titles: Vec<String>,
}

impl Fixed {
    /// The text with every change.
    pub fn source(&self) -> &Source {
        match &self.outcome {
            Ok(loaded) => &loaded.source,
            Err(rejected) => &rejected.source,
        }
    }
}

/// Mends what can be mended without a choice in a text whose relative paths start at `base`; what it extends stays as it
/// is.
///
/// A change is kept if its problem is gone, and there are no more problems than before; but a mistake may have hidden
/// others, of its node or of the file, which are told once it is gone.
pub fn fix(source: Source, base: &Path, kinds: &[Kind]) -> Fixed {
    let check = |source: Source| load_source(source, base, kinds);
    let (mut outcome, mut titles) = (check(source), Vec::new());
    for _ in 0..MAX_ROUNDS {
        let Some((better, made)) = outcome.as_ref().err().and_then(|rejected| better(rejected, &check))
        else {
            break;
        };
        titles.extend(made);
        outcome = better;
    }
    Fixed { outcome, titles }
}

/// A change of the text, and the problem that it mends.
struct Mend<'a> {
    range: Range<usize>,
    text: String,
    problem: &'a Problem,
    title: String,
}

/// The file with all changes at once, or with the first that does on its own; and what was done.
fn better(rejected: &Rejected, check: &impl Fn(Source) -> Outcome) -> Option<(Outcome, Vec<String>)> {
    let mends = mends(rejected);
    let try_out = |mends: &[Mend<'_>]| {
        let outcome = check(rejected.source.with_text(changed(rejected.source.text(), mends)));
        let after = outcome.as_ref().err().map_or(&[][..], |rejected| &rejected.problems);
        let titles = mends.iter().map(|mend| mend.title.clone()).collect();
        is_better(&rejected.problems, after, mends).then_some((outcome, titles))
    };
    if mends.is_empty() {
        return None;
    }
    try_out(&mends)
        .or_else(|| mends.iter().take(MAX_SINGLE).find_map(|mend| try_out(std::slice::from_ref(mend))))
}

/// The changes of the file's own text, none of which touches another.
fn mends<'a>(rejected: &'a Rejected) -> Vec<Mend<'a>> {
    let mend = |problem: &'a Problem| -> Option<Mend<'a>> {
        let fix = problem.fix.as_ref()?;
        let edit = fix.edit(&rejected.source)?;
        let is_own = std::ptr::eq(edit.source, &raw const rejected.source);
        is_own.then(|| Mend { range: edit.range, text: edit.text, problem, title: fix.title() })
    };
    let mut mends: Vec<_> = rejected.problems.iter().filter_map(mend).collect();
    mends.sort_by_key(|mend| (mend.range.start, mend.range.end));
    mends.dedup_by(|next, last| next.range.start < last.range.end || next.range == last.range);
    mends
}

fn changed(text: &str, mends: &[Mend<'_>]) -> String {
    let mut text = text.to_owned();
    mends.iter().rev().for_each(|mend| text.replace_range(mend.range.clone(), &mend.text));
    text
}

/// Whether the problems that were mended are gone, and nothing came in their place that was not hidden by them.
fn is_better(before: &[Problem], after: &[Problem], mends: &[Mend<'_>]) -> bool {
    let is_same = |one: &Problem, other: &Problem| {
        (one.code, &one.message, &one.at) == (other.code, &other.message, &other.at)
    };
    let gone = mends.iter().all(|mend| !after.iter().any(|problem| is_same(problem, mend.problem)));
    let made = |problems: &[Problem]| problems.iter().filter(|it| MADE.contains(&it.code)).count();
    let may_tell_more = mends.iter().any(|mend| HIDING.contains(&mend.problem.code));
    gone && made(after) <= made(before) && (may_tell_more || after.len() <= before.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{nodes::KINDS, spec::render::Style};

    /// The text with all changes, what was done, and what is still wrong.
    fn told(text: &str) -> (String, String, String) {
        let base = Path::new(env!("CARGO_MANIFEST_DIR"));
        let fixed = fix(Source::new("p.yaml", text), base, KINDS);
        let wrong = fixed.outcome.as_ref().err().map_or_else(String::new, |it| it.human(Style::PLAIN));
        (fixed.source().text().to_owned(), fixed.titles.join("\n"), wrong)
    }

    #[test]
    fn what_a_mistake_hid_is_mended_too() {
        let text = "# kept\r\nverson: 1\r\nname: my digits   # and this\r\n\r\n\r\nnodes:\r\n
  data: { type: datset, 'rot': ./src, val_fracton: \"0.5\" }\r
  net: { arch: yolo11n, dataset: dta }\r
  fit:\r\n    # before\r
    modl: nett   # behind\r
    type: trian\r
    dataset: data\r
    lr0: [0.1]\r
    nesterof: yes\r\n";
        let (text, done, wrong) = told(text);
        insta::assert_snapshot!(format!("{}---\n{done}\n---\n{wrong}", text.replace('\r', "␍")));
    }

    #[test]
    fn a_text_that_was_no_yaml_for_want_of_quotes_is_mended() {
        let text = "version: 1\nname: p\nparams: { src: src, n: 2 }\nnodes:
  a: { type: dataset, root: ${params.src} }
  b: { type: model, arch: yolo11n-cls, classes: ${param.n} }\n";
        let (text, _, wrong) = told(text);
        assert_eq!(wrong, "");
        assert!(
            text.contains("root: \"${params.src}\" }") && text.contains("classes: \"${params.n}\" }"),
            "{text}"
        );
    }

    #[test]
    fn a_change_that_makes_it_worse_is_not_made() {
        // `second` is the closest name, and leads into a circle.
        let text = "version: 1\nname: p\nnodes:
  net: { type: model, arch: yolo11n-cls, classes: 2 }
  first: { type: train, model: secnd, dataset: data }
  second: { type: train, model: first, dataset: data }
  data: { type: dataset, root: src }\n";
        let (after, _, wrong) = told(text);
        assert!(wrong.contains("did you mean `second`?"), "{wrong}");
        assert_eq!(after, text, "{wrong}");
    }

    #[test]
    fn a_parameter_is_mended_where_it_is_written_and_no_other_file_is() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/invalid");
        let text = "extends: bases/whole.yaml\nparams: { mode: adm, rate: '0.1' }\nnodes:
  fit: { optimizer: \"${params.mode}\" }\n";
        let fixed = fix(Source::new("p.yaml", text), &base, KINDS);
        let mended = "extends: bases/whole.yaml\nparams: { mode: adam, rate: 0.1 }\nnodes:
  fit: { optimizer: \"${params.mode}\" }\n";
        assert_eq!(fixed.source().text(), mended);
        let text = "extends: bases/astray.yaml\nnodes: {}\n";
        assert_eq!(fix(Source::new("p.yaml", text), &base, KINDS).source().text(), text);
    }
}
