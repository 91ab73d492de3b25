//! Where results are shown, and what happens to what lies there: real commands in real folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

mod kit;

/// A folder in which commands run.
struct Home(TempDir);

/// What a command said.
struct Said {
    code: i32,
    text: String,
}

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A pipeline called `name` with one node, `prep`, for images of `size`.
    fn pipeline(&self, file: &str, name: &str, size: u32) -> &Self {
        self.write(
            file,
            &format!("version: 1\nname: {name}\nnodes:\n  prep: {{type: transforms, size: {size}}}\n"),
        )
    }

    fn kiln(&self, folder: &str, line: &str) -> Said {
        let output = kit::program(&self.path(folder)).args(line.split(' ')).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        Said { code: output.status.code().unwrap(), text }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn size_shown(&self, results: &str) -> u64 {
        let text = self.read(&format!("{results}/prep/transforms.json"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["size"].as_u64().unwrap()
    }
}

impl Said {
    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.text);
        self
    }

    /// The command refused to do it, and said these words.
    #[track_caller]
    fn refused(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.text);
        self.says(words);
    }

    #[track_caller]
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.text.contains(word), "no `{word}` in:\n{}", self.text);
        }
    }
}

#[test]
fn a_folder_of_another_program_is_left_alone() {
    let home = Home::new();
    home.pipeline("p.yaml", "classify", 32).write("runs/classify/prep/weights/best.pt", "weights");
    let refused = home.kiln(".", "run p.yaml");
    refused.refused(
        5,
        &["runs/classify/prep is in the way of the results, and Kiln did not make it", "--out DIR"],
    );
    home.kiln(".", "check p.yaml").refused(5, &["in the way"]);
    assert_eq!(home.read("runs/classify/prep/weights/best.pt"), "weights");
    assert!(!home.path(".kiln/store/manifests/00").exists());
    home.kiln(".", "run p.yaml --out elsewhere").ok();
    assert_eq!(home.size_shown("elsewhere"), 32);
}

#[test]
fn notes_beside_results_stay_where_they_are() {
    let home = Home::new();
    home.pipeline("p.yaml", "p", 32).kiln(".", "run p.yaml").ok();
    home.write("runs/p/notes.txt", "mine").write("runs/p/prep/notes.txt", "mine");
    home.kiln(".", "run p.yaml").ok();
    home.pipeline("p.yaml", "p", 64);
    home.kiln(".", "run p.yaml").refused(5, &["runs/p/prep/notes.txt is in the way"]);
    assert_eq!(home.size_shown("runs/p"), 32, "nothing was replaced");
    fs::rename(home.path("runs/p/prep/notes.txt"), home.path("notes.txt")).unwrap();
    home.kiln(".", "run p.yaml").ok();
    assert_eq!((home.size_shown("runs/p"), home.read("runs/p/notes.txt").as_str()), (64, "mine"));
}

#[test]
fn an_edited_result_is_not_overwritten() {
    let home = Home::new();
    home.pipeline("p.yaml", "p", 32).kiln(".", "run p.yaml").ok();
    let shown = home.path("runs/p/prep/transforms.json");
    fs::remove_file(&shown).unwrap();
    fs::write(&shown, "edited").unwrap();
    home.kiln(".", "run p.yaml")
        .refused(5, &["transforms.json is in the way", "changed after Kiln wrote it"]);
    assert_eq!(fs::read_to_string(shown).unwrap(), "edited");
}

#[cfg(unix)]
#[test]
fn links_and_files_are_no_folders_for_results() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    home.write("mine/prep/data.txt", "mine")
        .pipeline("p.yaml", "p", 32)
        .pipeline("q.yaml", "q", 32)
        .write("runs/q", "");
    symlink(home.path("mine"), home.path("runs/p")).unwrap();
    home.kiln(".", "run p.yaml").refused(5, &["runs/p is a link, and a folder for results is wanted there"]);
    home.kiln(".", "run q.yaml").refused(5, &["runs/q is a file, and a folder for results is wanted there"]);
    fs::remove_file(home.path("runs/q")).unwrap();
    home.kiln(".", "run q.yaml").ok();
    fs::remove_dir_all(home.path("runs/q/prep")).unwrap();
    symlink(home.path("mine/prep"), home.path("runs/q/prep")).unwrap();
    home.kiln(".", "run q.yaml").refused(5, &["runs/q/prep is a link"]);
    assert_eq!(home.read("mine/prep/data.txt"), "mine");
}

#[test]
fn two_files_of_one_name_do_not_share_a_folder() {
    let home = Home::new();
    home.pipeline("a.yaml", "exp", 32).pipeline("b.yaml", "exp", 64).kiln(".", "run a.yaml").ok();
    home.kiln(".", "run b.yaml").refused(5, &["runs/exp shows the results of a.yaml", "another `name:`"]);
    assert_eq!(home.size_shown("runs/exp"), 32);
    // A file that was renamed keeps its results.
    fs::rename(home.path("a.yaml"), home.path("c.yaml")).unwrap();
    home.kiln(".", "run c.yaml").ok().says(&["1 cached"]);
    fs::remove_file(home.path("c.yaml")).unwrap();
    home.kiln(".", "run b.yaml").ok();
    assert_eq!(home.size_shown("runs/exp"), 64);
}

#[test]
fn a_file_shows_its_results_beside_itself_or_beside_its_project() {
    let home = Home::new();
    home.pipeline("one/p.yaml", "p", 32).pipeline("two/p.yaml", "p", 64);
    // A store in a folder above decides nothing.
    fs::create_dir_all(home.path(".kiln/store")).unwrap();
    home.kiln(".", "run one/p.yaml").ok().says(&["/one (the file's own folder)", "results in one/runs/p"]);
    home.kiln("two", "run p.yaml").ok().says(&["/two (the file's own folder)", "results in runs/p"]);
    assert_eq!((home.size_shown("one/runs/p"), home.size_shown("two/runs/p")), (32, 64));
    home.write(".kiln/project", "");
    home.kiln("two", "run p.yaml").ok().says(&["(it has `.kiln/project`)"]);
    assert_eq!(home.size_shown("runs/p"), 64);
    home.kiln("one", "run p.yaml").refused(5, &["shows the results of two/p.yaml"]);
}

#[test]
fn what_was_replaced_can_be_brought_back() {
    let home = Home::new();
    home.pipeline("p.yaml", "p", 32).kiln(".", "run p.yaml").ok();
    let said = home.pipeline("p.yaml", "p", 64).kiln(".", "run p.yaml").ok();
    said.says(&["Replaced prep (", "brings one back"]);
    let key = said.text.split("`kiln restore ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    home.kiln(".", &format!("restore {key} --out old")).ok();
    assert!(home.read("old/transforms.json").contains("32"));
    home.kiln(".", &format!("restore {key} --out old")).refused(2, &["old already exists"]);
    home.kiln(".", "restore zzzz").refused(2, &["no result whose key begins with `zzzz`"]);
    home.kiln(".", &format!("restore {}", &key[..6])).ok();
    assert!(home.path(&format!("prep-{key}/manifest.json")).is_file());
}

#[test]
fn what_the_store_does_not_have_is_kept_beside() {
    let home = Home::new();
    home.pipeline("p.yaml", "p", 32).kiln(".", "run p.yaml").ok();
    fs::remove_dir_all(home.path(".kiln")).unwrap();
    let said = home.pipeline("p.yaml", "p", 64).kiln(".", "run p.yaml").ok();
    said.says(&["the result before is not in the store; it is now "]);
    let mut kept = names(&home.path("runs/p"));
    kept.retain(|name| name.starts_with("prep-"));
    assert!(home.read(&format!("runs/p/{}/transforms.json", kept[0])).contains("32"), "{kept:?}");
    assert_eq!(home.size_shown("runs/p"), 64);
}

#[test]
fn a_run_does_not_read_what_it_replaces() {
    let home = Home::new();
    home.pipeline("p.yaml", "p", 32).kiln(".", "run p.yaml").ok();
    let nodes = "  prep: {type: transforms, size: 32}\n  data: {type: dataset, root: runs/../runs/p/prep}\n";
    home.write("p.yaml", &format!("version: 1\nname: p\nnodes:\n{nodes}"));
    home.kiln(".", "run p.yaml")
        .refused(5, &["node `data` reads", "which this run replaces by its own result"]);
}

/// The source is above the results, so that only its files tell.
#[test]
fn a_run_does_not_read_images_that_it_replaces() {
    let home = Home::new();
    fs::create_dir(home.path("images")).unwrap();
    let digit = kit::repository("examples/data/mnist160/val/7/00008.png");
    fs::copy(digit, home.path("images/1.png")).unwrap();
    let weights = kit::repository("tests/fixtures/weights/tiny-yolo11.pt");
    let pipeline = |source: &str| {
        let weights = weights.display();
        home.write("p.yaml", &format!("version: 1\nname: p\nnodes:\n  net: {{type: model, weights: {weights}}}\n  guess: {{type: predict, model: net, source: {source}, recursive: true, annotate: true}}\n"))
    };
    pipeline("images").kiln(".", "run p.yaml").ok();
    pipeline(".")
        .kiln(".", "run p.yaml")
        .refused(5, &["`guess` reads", "which this run replaces by its own result"]);
    assert!(home.path("runs/p/guess/annotated").is_dir(), "{:?}", names(&home.path("runs/p/guess")));
}

#[test]
fn leftovers_of_a_kill_are_swept_and_those_of_others_are_not() {
    let home = Home::new();
    home.pipeline("p.yaml", "p", 32).kiln(".", "run p.yaml").ok();
    copy(&home.path("runs/p/prep"), &home.path("runs/p/.prep.old"));
    copy(&home.path("runs/p/prep"), &home.path("runs/p/.prep.new"));
    fs::remove_file(home.path("runs/p/.prep.new/transforms.json")).unwrap();
    home.pipeline("p.yaml", "p", 64).kiln(".", "run p.yaml").ok();
    assert_eq!(names(&home.path("runs/p")), [".lock", "pipeline.yaml", "prep", "results.json"]);
    home.write("runs/p/.prep.old/mine.txt", "mine");
    home.pipeline("p.yaml", "p", 96);
    assert_ne!(home.kiln(".", "run p.yaml").code, 0);
    assert_eq!(home.read("runs/p/.prep.old/mine.txt"), "mine");
    assert_eq!(home.size_shown("runs/p"), 64);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_device_that_nobody_named_is_told_with_its_reason() {
    let home = Home::new();
    home.pipeline("p.yaml", "one", 32);
    let said = home.kiln("", "run p.yaml --device auto");
    assert!(
        said.code == 0 && said.text.contains(" Device ") && said.text.contains(", since "),
        "{}",
        said.text
    );
    assert!(!home.kiln("", "run p.yaml --device cpu").text.contains(" Device "));
}
