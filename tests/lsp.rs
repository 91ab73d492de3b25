//! The language server as an editor meets it: the built program over its standard input and output.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    io::{BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::SystemTime,
};

use lsp_server::{Message, Notification, Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

mod kit;

/// An editor with one folder.
struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: TempDir,
    /// Where the server has what it writes for itself: it is killed, and leaves that.
    _temporary: TempDir,
    asked: i32,
    versions: BTreeMap<String, i32>,
    /// What the server said while something else was waited for.
    said: VecDeque<Notification>,
}

/// A document in which `‸` marks the cursor.
struct Marked {
    text: String,
    position: Value,
}

fn marked(text: &str) -> Marked {
    let at = text.find('‸').expect("there is a cursor");
    let before = &text[..at];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
    Marked { text: text.replace('‸', ""), position: json!({ "line": line, "character": column }) }
}

impl Editor {
    fn start() -> Self {
        Self::in_folder(tempfile::Builder::new().prefix("kiln lsp ü ").tempdir().unwrap())
    }

    fn in_folder(folder: TempDir) -> Self {
        let mut program = kit::program(folder.path());
        let temporary = tempfile::tempdir().unwrap();
        program.arg("lsp").env("TMPDIR", temporary.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = program.spawn().unwrap();
        let (input, output) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
        let (versions, said) = (BTreeMap::new(), VecDeque::new());
        let mut editor =
            Self { server, input, output, folder, _temporary: temporary, asked: 0, versions, said };
        let capabilities = json!({
            "workspace": { "codeLens": { "refreshSupport": true } },
            "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } },
        });
        let told = editor
            .ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        assert_eq!(told["serverInfo"]["name"], "kiln");
        editor.tell("initialized", json!({}));
        editor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn uri(&self, name: &str) -> String {
        let path = self.path(name).display().to_string();
        format!("file://{}", path.replace('%', "%25").replace(' ', "%20").replace('ü', "%C3%BC"))
    }

    fn tell(&mut self, method: &str, params: Value) {
        Message::from(Notification::new(method.to_owned(), params)).write(&mut self.input).unwrap();
        self.input.flush().unwrap();
    }

    /// The whole answer to a request.
    fn answer(&mut self, method: &str, params: Value) -> Response {
        self.asked += 1;
        let id = self.asked.into();
        Message::from(Request::new(id, method.to_owned(), params)).write(&mut self.input).unwrap();
        self.input.flush().unwrap();
        loop {
            match Message::read(&mut self.output).unwrap().expect("the server lives") {
                Message::Response(response) if response.id == self.asked.into() => return response,
                Message::Notification(said) => self.said.push_back(said),
                _ => {}
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.answer(method, params)
            .response_result
            .unwrap_or_else(|error| panic!("{method}: {}", error.message))
    }

    fn refusal(&mut self, method: &str, params: Value) -> String {
        self.answer(method, params).response_result.expect_err("it is refused").message
    }

    /// Opens a file that is not on the disk; what is wrong with it.
    fn open(&mut self, name: &str, text: &str) -> Vec<Value> {
        let uri = self.uri(name);
        self.versions.insert(name.to_owned(), 1);
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.diagnostics(name)
    }

    /// Replaces parts of an open file: ranges and texts.
    fn change(&mut self, name: &str, changes: Value) {
        let version = self.versions.get_mut(name).unwrap();
        *version += 1;
        let document = json!({ "uri": self.uri(name), "version": self.versions[name] });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// What is said next of a file of the folder.
    fn diagnostics(&mut self, name: &str) -> Vec<Value> {
        self.diagnostics_of(&self.uri(name))
    }

    fn diagnostics_of(&mut self, uri: &str) -> Vec<Value> {
        let is_it =
            |said: &Notification| said.method.ends_with("publishDiagnostics") && said.params["uri"] == *uri;
        loop {
            if let Some(at) = self.said.iter().position(is_it) {
                let said = self.said.remove(at).unwrap();
                return said.params["diagnostics"].as_array().unwrap().clone();
            }
            if let Message::Notification(said) =
                Message::read(&mut self.output).unwrap().expect("the server lives")
            {
                self.said.push_back(said);
            }
        }
    }

    /// Waits until the server has said all that it has to say now; what that is, without what was waited for.
    fn all_said(&mut self) -> Vec<Value> {
        self.refusal("kiln/nothing", json!({}));
        let diagnostics =
            |said: Notification| said.params["diagnostics"].as_array().cloned().unwrap_or_default();
        self.said.drain(..).flat_map(diagnostics).collect()
    }

    /// Asks at the cursor of a document, which is opened for it.
    fn at(&mut self, method: &str, name: &str, text: &str) -> Value {
        let marked = marked(text);
        self.open(name, &marked.text);
        self.ask(method, json!({ "textDocument": { "uri": self.uri(name) }, "position": marked.position }))
    }

    /// What is offered at the cursor: labels.
    fn offered(&mut self, text: &str) -> Vec<String> {
        self.offered_in("p.yaml", text)
    }

    fn offered_in(&mut self, name: &str, text: &str) -> Vec<String> {
        let items = self.at("textDocument/completion", name, text);
        items
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the text is once something that is offered is taken.
    fn completed(&mut self, text: &str, label: &str) -> String {
        let items = self.at("textDocument/completion", "p.yaml", text);
        let items = items.as_array().unwrap();
        let item =
            items.iter().find(|item| item["label"] == label).unwrap_or_else(|| panic!("{label}: {items:?}"));
        edited(&marked(text).text, &[item["textEdit"].clone()])
    }

    fn hover(&mut self, text: &str) -> String {
        self.at("textDocument/hover", "p.yaml", text)["contents"]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

/// The byte of a position.
fn byte(text: &str, position: &Value) -> usize {
    let line = position["line"].as_u64().unwrap() as usize;
    let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
    let mut units = position["character"].as_u64().unwrap() as usize;
    let mut at = start;
    for char in text[start..].chars() {
        if units == 0 {
            break;
        }
        units -= char.len_utf16();
        at += char.len_utf8();
    }
    at
}

/// What a range covers.
fn covered<'a>(text: &'a str, range: &Value) -> &'a str {
    &text[byte(text, &range["start"])..byte(text, &range["end"])]
}

/// A text with edits done, the last one first.
fn edited(text: &str, edits: &[Value]) -> String {
    let mut edits: Vec<_> = edits.to_vec();
    edits.sort_by_key(|edit| byte(text, &edit["range"]["start"]));
    let mut text = text.to_owned();
    for edit in edits.iter().rev() {
        let range = byte(&text, &edit["range"]["start"])..byte(&text, &edit["range"]["end"]);
        text.replace_range(range, edit["newText"].as_str().unwrap());
    }
    text
}

/// A sound file of every part that the tests ask about; the folder must have `images`.
const FILE: &str = "# 🦀 é\nversion: 1\nname: p\nparams: { rate: 0.01, sizes: { small: 32 } }\nnodes:
  digits: { type: dataset, root: images }
  prep: { type: transforms, size: \"${params.sizes.small}\" }
  net: { type: model, arch: yolo11n-cls, dataset: digits }
  fit:
    type: train
    model: net
    dataset: digits
    transforms: prep
    lr0: ${params.rate}
    optimizer: sgd
    epochs: 1
  score: { type: val, model: fit, dataset: digits }
";

/// A folder with few images of two classes, and with [`FILE`].
fn project() -> TempDir {
    let folder = tempfile::Builder::new().prefix("kiln lsp ü ").tempdir().unwrap();
    let from = kit::repository("examples/data/mnist160");
    for split in ["train", "val"] {
        for class in ["3", "7"] {
            let to = folder.path().join("images").join(split).join(class);
            fs::create_dir_all(&to).unwrap();
            let images = fs::read_dir(from.join(split).join(class)).unwrap().take(2);
            images.flatten().for_each(|it| _ = fs::copy(it.path(), to.join(it.file_name())).unwrap());
        }
    }
    fs::write(folder.path().join("p.yaml"), FILE).unwrap();
    folder
}

/// Every file below a folder, with when it was changed.
fn files(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        found.insert(path.clone(), entry.metadata().unwrap().modified().unwrap());
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found
}

/// The code and all words of a diagnostic.
fn words(diagnostic: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&diagnostic["code"]), text(&diagnostic["message"]))
}

/// The same of a problem as `kiln check` tells it as data.
fn words_of_problem(problem: &Value) -> (String, String) {
    let help = problem["help"].as_str().map(|help| format!("help: {help}")).unwrap_or_default();
    let lines = [problem["message"].as_str().unwrap(), problem["at"]["label"].as_str().unwrap(), &help];
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    (problem["code"].as_str().unwrap().to_owned(), lines.join("\n"))
}

#[test]
fn what_is_wrong_is_what_the_command_line_says() {
    let mut editor = Editor::start();
    let folder = kit::repository("tests/fixtures/invalid");
    for path in kit::yaml_files("tests/fixtures/invalid") {
        // The editor has text; what is none is for the command line.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let name = path.file_name().unwrap();
        let checked =
            kit::program(&folder).args(["check", "--message-format", "json"]).arg(name).output().unwrap();
        let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
        let problems = report["problems"].as_array().unwrap();

        let uri = format!("file://{}", folder.join(name).display());
        let document = json!({ "uri": uri, "languageId": "kiln", "version": 1, "text": text });
        editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
        let own = editor.diagnostics_of(&uri);
        let others = editor.all_said();
        let mut told: Vec<_> = own.iter().chain(&others).map(words).collect();
        let mut expected: Vec<_> = problems.iter().map(words_of_problem).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{}", path.display());
        let here: Vec<_> =
            problems.iter().filter(|problem| problem["at"]["file"] == report["file"]).collect();
        for (diagnostic, problem) in own.iter().zip(here) {
            let at = |key: &str| usize::try_from(problem["at"][key].as_u64().unwrap()).unwrap();
            assert_eq!(
                covered(&text, &diagnostic["range"]),
                &text[at("start")..at("end")],
                "{}",
                path.display()
            );
            let related = problem["related"].as_array().unwrap().len();
            assert_eq!(diagnostic["relatedInformation"].as_array().unwrap().len(), related);
            let link =
                diagnostic["codeDescription"]["href"].as_str().unwrap().strip_prefix("file://").unwrap();
            assert!(fs::read_to_string(link).unwrap().starts_with(problem["code"].as_str().unwrap()));
        }
        editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
        editor.all_said();
    }
}

#[test]
fn what_is_typed_counts_before_it_is_saved() {
    let mut editor = Editor::in_folder(project());
    assert_eq!(editor.open("p.yaml", FILE), [] as [Value; 0]);
    // Behind a character of two units of UTF-16: `é` becomes `e`, `epochs: 1` becomes `epochs: one`.
    let line = FILE.lines().position(|line| line.ends_with("epochs: 1")).unwrap();
    let changes = json!([
        { "range": { "start": { "line": 0, "character": 5 }, "end": { "line": 0, "character": 6 } }, "text": "e" },
        { "range": { "start": { "line": line, "character": 12 }, "end": { "line": line, "character": 13 } }, "text": "one" },
    ]);
    editor.change("p.yaml", changes);
    let told = editor.diagnostics("p.yaml");
    assert_eq!(told.len(), 1);
    assert_eq!(covered(&FILE.replace("epochs: 1", "epochs: one"), &told[0]["range"]), "one");
    // The whole text at once, with the other ends of lines.
    editor.change("p.yaml", json!([{ "text": FILE.replace("sgd", "sdg").replace('\n', "\r\n") }]));
    let told = editor.diagnostics("p.yaml");
    assert_eq!(words(&told[0]).0, "E0107");
    assert_eq!(covered(&FILE.replace("sgd", "sdg").replace('\n', "\r\n"), &told[0]["range"]), "sdg");
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": editor.uri("p.yaml") } }));
    assert_eq!(editor.diagnostics("p.yaml"), [] as [Value; 0]);
}

#[test]
fn a_file_that_is_extended_counts_as_it_is_in_the_editor() {
    let mut editor = Editor::in_folder(project());
    editor.open("own.yaml", "extends: p.yaml\nnodes:\n  fit: { epochs: 2 }\n");
    editor.open("p.yaml", FILE);
    editor.change("p.yaml", json!([{ "text": FILE.replace("epochs: 1", "epochs: 1\n    lrf: 7") }]));
    let told = editor.diagnostics("p.yaml");
    assert_eq!(told.len(), 1, "once, though both files have it: {told:?}");
    editor.change(
        "p.yaml",
        json!([{ "text": FILE.replace("  fit:", "  trained:").replace("model: fit", "model: trained") }]),
    );
    assert_eq!(editor.diagnostics("p.yaml"), [] as [Value; 0]);
    let told = editor.diagnostics("own.yaml");
    assert_eq!(words(&told[0]).1.lines().next(), Some("node `fit` has no `type`"));
}

#[test]
fn names_of_nodes_are_offered_that_give_what_is_wanted() {
    let mut editor = Editor::in_folder(project());
    let with = |line: &str| FILE.replace("    model: net\n", &format!("    {line}\n"));
    let nodes =
        |offered: Vec<String>| -> Vec<_> { offered.into_iter().filter(|it| !it.starts_with('$')).collect() };
    assert_eq!(
        nodes(editor.offered(&with("model: ‸"))),
        ["net"],
        "not `fit` itself, nor what gives no model"
    );
    assert_eq!(nodes(editor.offered(&with("model:‸"))), ["net"]);
    assert_eq!(nodes(editor.offered(&with("model: ne‸t"))), ["net"]);
    let flow = FILE.replace("model: fit, dataset: digits }", "model: ‸");
    assert_eq!(nodes(editor.offered(&flow)), ["fit"], "in a line that is no YAML yet");
    let text = editor.completed(&with("model:‸"), "net");
    assert_eq!(text, FILE);
    let own = "extends: p.yaml\nnodes:\n  more: { type: val, model: ‸ }\n";
    assert_eq!(nodes(editor.offered_in("own.yaml", own)), ["fit"], "of the file that is extended");
}

#[test]
fn keys_kinds_and_words_are_offered() {
    let mut editor = Editor::in_folder(project());
    let offered = editor.offered("version: 1\nname: a\n‸\n");
    assert_eq!(offered, ["nodes", "seed", "params", "matrix", "halving", "repeats", "extends"]);
    let kinds = ["dataset", "transforms", "model", "train", "val", "predict", "export"];
    assert_eq!(editor.offered("nodes:\n  ‸\n"), kinds);
    assert_eq!(editor.offered("nodes:\n  a:\n    ‸\n"), kinds);
    assert_eq!(editor.offered("nodes:\n  a:\n    type: ‸\n"), kinds);
    assert_eq!(
        editor.completed("nodes:\n  a:\n    ‸\n", "train"),
        "nodes:\n  a:\n    type: train\nmodel: $1\ndataset: $2\n"
    );
    let keys = editor.offered("nodes:\n  a: { type: export, ‸ }\n");
    assert_eq!(keys[0], "model", "what must be there comes first");
    assert!(keys.contains(&"format".to_owned()) && !keys.contains(&"epochs".to_owned()), "{keys:?}");
    assert_eq!(
        editor.completed("nodes:\n  a: { type: export, mo‸ }\n", "model"),
        "nodes:\n  a: { type: export, model:  }\n"
    );
    assert_eq!(
        editor.completed("nodes:\n  a:\n    type: export\n    fo‸mat: pt\n", "format"),
        "nodes:\n  a:\n    type: export\n    format: pt\n"
    );
    assert_eq!(
        editor.offered("nodes:\n  a: { type: export, format: ‸ }\n"),
        [
            "onnx",
            "openvino",
            "torchscript",
            "tflite",
            "ncnn",
            "mnn",
            "executorch",
            "coreml",
            "saved_model",
            "pb",
            "tfjs",
            "paddle",
            "engine",
            "rknn",
            "axelera",
            "safetensors",
            "burnpack",
            "pt"
        ]
    );
    assert_eq!(editor.offered("nodes:\n  a:\n    type: train\n    ema: ‸\n"), ["true", "false"]);
    assert!(editor.offered("nodes:\n  a:\n    type: train\n    batch: ‸\n").contains(&"auto".to_owned()));
    let steps = editor.offered("nodes:\n  a:\n    type: transforms\n    train:\n      - ‸\n");
    assert!(steps.contains(&"random_erasing".to_owned()), "{steps:?}");
    assert_eq!(
        editor.offered(
            "nodes:\n  a:\n    type: transforms\n    train:\n      - type: random_erasing\n        ‸\n"
        ),
        ["p", "scale", "ratio"]
    );
    let architectures = editor.offered("nodes:\n  a: { type: model, arch: yolo‸ }\n");
    assert!(architectures.contains(&"yolo26x-cls".to_owned()), "{architectures:?}");
    assert_eq!(editor.offered("# a comm‸ent\n"), [] as [&str; 0]);
}

#[test]
fn keys_are_offered_with_what_they_mean() {
    let mut editor = Editor::start();
    let items = editor.at("textDocument/completion", "p.yaml", "nodes:\n  a:\n    type: train\n    ‸\n");
    for item in items.as_array().unwrap() {
        assert!(!item["documentation"]["value"].as_str().unwrap_or_default().is_empty(), "{item}");
    }
}

#[test]
fn parameters_classes_and_paths_are_offered() {
    let mut editor = Editor::in_folder(project());
    let with = |line: &str| FILE.replace("    epochs: 1\n", &format!("    {line}\n"));
    assert_eq!(editor.offered(&with("lrf: ${‸")), ["params.rate", "params.sizes", "params.sizes.small"]);
    assert_eq!(editor.completed(&with("lrf: ${params.r‸"), "params.rate"), with("lrf: ${params.rate}"));
    assert_eq!(editor.completed(&with("lrf: ${par‸}"), "params.rate"), with("lrf: ${params.rate}"));
    assert_eq!(
        editor.completed(&with("lrf: \"${params.‸}\""), "params.rate"),
        with("lrf: \"${params.rate}\"")
    );
    assert_eq!(editor.completed(&with("lrf: ‸"), "${params.rate}"), with("lrf: ${params.rate}"));
    let flow = FILE.replace("root: images", "root: ‸");
    assert!(
        editor.completed(&flow, "${params.rate}").contains("root: \"${params.rate}\""),
        "quotes, as YAML wants them"
    );
    assert_eq!(editor.offered(&with("class_weights: { ‸ }")), ["3", "7"]);
    assert_eq!(editor.offered(&with("class_weights:\n      \"3\": 1\n      ‸")), ["7"]);
    assert_eq!(editor.completed(&flow, "images/"), FILE.replace("root: images", "root: images/"));
    let deeper = editor.offered(&FILE.replace("root: images", "root: images/‸"));
    assert_eq!(deeper[..2], ["images/train/", "images/val/"]);
    assert_eq!(editor.offered("extends: ‸\n"), ["images/", "p.yaml"]);
    let sweep = FILE.replace("nodes:", "matrix:\n  ‸\nnodes:");
    assert_eq!(editor.offered(&sweep), ["exclude", "include", "draw", "rate", "sizes"]);
}

/// A file of the folder that extends [`FILE`].
const OWN: &str = "extends: p.yaml\nnodes:\n  digits: { root: images }\n  more: { type: val, model: fit, dataset: digits }\n  odd: { type: train, model: net, dataset: digits, lr0: \"${params.rate}\" }\n";

#[test]
fn definitions_are_found_in_the_file_and_in_those_that_it_extends() {
    let mut editor = Editor::in_folder(project());
    let text = FILE.replace("model: fit", "model: f‸it");
    let found = editor.at("textDocument/definition", "p.yaml", &text);
    assert_eq!(
        (found["uri"].as_str(), covered(FILE, &found["range"])),
        (Some(&*editor.uri("p.yaml")), "fit")
    );
    let text = FILE.replace("lr0: ${params.rate}", "lr0: ${params.ra‸te}");
    assert_eq!(covered(FILE, &editor.at("textDocument/definition", "p.yaml", &text)["range"]), "rate");
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": editor.uri("p.yaml") } }));
    let found = editor.at("textDocument/definition", "own.yaml", &OWN.replace("model: fit", "model: fi‸t"));
    assert_eq!(
        (found["uri"].as_str(), covered(FILE, &found["range"])),
        (Some(&*editor.uri("p.yaml")), "fit")
    );
    let found = editor.at("textDocument/definition", "own.yaml", &OWN.replace("p.yaml", "p.‸yaml"));
    assert_eq!(found["uri"].as_str(), Some(&*editor.uri("p.yaml")));
}

#[test]
fn a_name_is_changed_wherever_it_is_the_same() {
    let mut editor = Editor::in_folder(project());
    fs::write(editor.path("own.yaml"), OWN).unwrap();
    fs::write(editor.path("other.yaml"), FILE.replace("name: p", "name: other")).unwrap();
    let text = FILE.replace("  digits:", "  dig‸its:");
    let place = marked(&text).position;
    editor.open("p.yaml", FILE);
    let at = |editor: &Editor| json!({ "textDocument": { "uri": editor.uri("p.yaml") }, "position": place });
    let asked = at(&editor);
    let prepared = editor.ask("textDocument/prepareRename", asked.clone());
    assert_eq!(
        (prepared["placeholder"].as_str(), covered(FILE, &prepared["range"])),
        (Some("digits"), "digits")
    );
    let with = |mut asked: Value, key: &str, value: Value| {
        asked[key] = value;
        asked
    };
    let renamed = editor.ask("textDocument/rename", with(asked.clone(), "newName", "images".into()));
    let changes = renamed["changes"].as_object().unwrap();
    assert_eq!(changes.len(), 2, "not in a file that has nothing to do with it: {changes:?}");
    let done = |name: &str, text: &str| edited(text, changes[&editor.uri(name)].as_array().unwrap());
    assert_eq!(done("p.yaml", FILE), FILE.replace("digits", "images"));
    assert_eq!(done("own.yaml", OWN), OWN.replace("digits", "images"));
    let context = json!({ "includeDeclaration": false });
    let found = editor.ask("textDocument/references", with(asked.clone(), "context", context));
    assert_eq!(found.as_array().unwrap().len(), 3 + 2, "uses, and no definitions: {found}");
    let refused = editor.refusal("textDocument/rename", with(asked.clone(), "newName", "fit".into()));
    assert_eq!(refused, "there is a node `fit` already");
    let refused = editor.refusal("textDocument/rename", with(asked, "newName", "a b".into()));
    assert!(refused.starts_with("`a b` can't be the name of a node"), "{refused}");
}

#[test]
fn a_parameter_is_changed_within_texts_too() {
    let mut editor = Editor::in_folder(project());
    fs::write(editor.path("own.yaml"), OWN).unwrap();
    let sweep = "matrix: { rate: [0.1, 0.2], exclude: [{ rate: 0.2 }] }\nhalving: { over: rate, values: [1], by: score.top1 }\nnodes:";
    let text = FILE
        .replace("nodes:", sweep)
        .replace("root: images", "root: \"a ${params.rate}/${ params.rate }/$${params.rate}\"");
    let asked = marked(&text.replace("{ rate: 0.01", "{ ra‸te: 0.01"));
    editor.open("p.yaml", &text);
    let uri = editor.uri("p.yaml");
    let asked = json!({ "textDocument": { "uri": uri }, "position": asked.position, "newName": "pace" });
    let renamed = editor.ask("textDocument/rename", asked);
    let done = edited(&text, renamed["changes"][&uri].as_array().unwrap());
    let wanted = text.replace("rate", "pace").replace("$${params.pace}", "$${params.rate}");
    assert_eq!(done, wanted);
    let own = edited(OWN, renamed["changes"][&editor.uri("own.yaml")].as_array().unwrap());
    assert_eq!(own, OWN.replace("rate", "pace"));

    let asked = marked(&text.replace("  score:", "  sc‸ore:"));
    let asked = json!({ "textDocument": { "uri": uri }, "position": asked.position, "newName": "measured" });
    let renamed = editor.ask("textDocument/rename", asked);
    let done = edited(&text, renamed["changes"][&uri].as_array().unwrap());
    assert_eq!(done, text.replace("score", "measured"), "a node is named beside its metric");
}

#[test]
fn what_is_pointed_at_is_explained() {
    let mut editor = Editor::in_folder(project());
    let key = editor.hover(&FILE.replace("lr0:", "lr‸0:"));
    assert!(
        key.contains("First learning rate") && key.contains("`0.01` from p.yaml:4, used at p.yaml:14"),
        "{key}"
    );
    let parameter = editor.hover(&FILE.replace("${params.rate}", "${params.ra‸te}"));
    assert!(parameter.contains("`params.rate` is `0.01`"), "{parameter}");
    let word = editor.hover(&FILE.replace("sgd", "s‸gd"));
    assert!(word.contains("* `sgd`"), "{word}");
    let node = editor.hover(&FILE.replace("  fit:", "  f‸it:"));
    assert!(
        node.contains("**fit** (`train`)") && node.contains("would run: net, digits, prep will run first"),
        "{node}"
    );
    assert_eq!(editor.hover("# no‸thing\n"), "");
}

#[test]
fn the_store_is_read_and_nothing_is_written() {
    let mut editor = Editor::in_folder(project());
    let before = files(editor.folder.path());
    editor.open("p.yaml", FILE);
    let asked = json!({ "textDocument": { "uri": editor.uri("p.yaml") } });
    let lenses = editor.ask("textDocument/codeLens", asked.clone());
    let titles = |lenses: &Value, text: &str| -> Vec<_> {
        let lens = |lens: &Value| {
            format!("{}: {}", covered(text, &lens["range"]), lens["command"]["title"].as_str().unwrap())
        };
        lenses.as_array().unwrap().iter().map(lens).collect()
    };
    assert_eq!(titles(&lenses, FILE)[0], "digits: would run: never run");
    editor.hover(&FILE.replace("  fit:", "  f‸it:"));
    assert_eq!(files(editor.folder.path()), before, "opening a file makes no store");

    let ran = kit::program(editor.folder.path()).args(["run", "p.yaml"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let before = files(editor.folder.path());
    let lenses = editor.ask("textDocument/codeLens", asked.clone());
    let told = titles(&lenses, FILE);
    let score = told.iter().find(|title| title.starts_with("score: ")).unwrap();
    assert!(score.contains("cached, took ") && score.contains(" · top1 "), "{score}");
    let changed = FILE.replace("epochs: 1", "epochs: 2");
    editor.change("p.yaml", json!([{ "text": changed }]));
    let lenses = editor.ask("textDocument/codeLens", asked.clone());
    let told = titles(&lenses, &changed);
    let fit = told.iter().find(|title| title.starts_with("fit: ")).unwrap();
    assert!(fit.starts_with("fit: would run: epochs: 1 -> 2"), "{fit}");
    let score = told.iter().find(|title| title.starts_with("score: ")).unwrap();
    assert!(score.starts_with("score: would run: fit will run first · last top1 "), "{score}");
    let sweep = FILE.replace("nodes:", "matrix: { rate: [0.01, 0.1] }\nnodes:");
    editor.change("p.yaml", json!([{ "text": sweep }]));
    let lenses = editor.ask("textDocument/codeLens", asked);
    let told = titles(&lenses, &sweep);
    assert!(
        told.iter().any(|title| title.starts_with("score: 1 of 2 points cached · best top1 ")),
        "{told:?}"
    );
    assert_eq!(files(editor.folder.path()), before);
}

#[test]
fn what_can_only_have_been_meant_is_a_quick_fix() {
    let mut editor = Editor::in_folder(project());
    let text = FILE.replace("sgd", "sdg").replace("epochs: 1", "epcohs: 1");
    let told = editor.open("p.yaml", &text);
    assert_eq!(told.len(), 2);
    let mut mended = text.clone();
    for diagnostic in &told {
        let params = json!({ "textDocument": { "uri": editor.uri("p.yaml") }, "range": diagnostic["range"],
            "context": { "diagnostics": [diagnostic] } });
        let actions = editor.ask("textDocument/codeAction", params);
        assert_eq!(actions.as_array().unwrap().len(), 1, "only of what is pointed at: {actions}");
        assert_eq!(actions[0]["kind"], "quickfix");
        mended = edited(&mended, actions[0]["edit"]["changes"][&editor.uri("p.yaml")].as_array().unwrap());
    }
    assert_eq!(mended, FILE);
    let start = json!({ "line": 0, "character": 0 });
    let params = json!({ "textDocument": { "uri": editor.uri("p.yaml") }, "range": { "start": start, "end": start },
        "context": { "diagnostics": [], "only": ["source.fixAll"] } });
    let actions = editor.ask("textDocument/codeAction", params);
    assert_eq!(actions[0]["title"], "Mend the file: change `sdg` to `sgd`, change `epcohs` to `epochs`");
    let edits = actions[0]["edit"]["changes"][&editor.uri("p.yaml")].as_array().unwrap();
    assert_eq!(edited(&text, edits), FILE, "all at once");
}

#[test]
fn a_file_is_laid_out_as_by_the_command() {
    let mut editor = Editor::in_folder(project());
    let params = json!({ "textDocument": { "uri": editor.uri("p.yaml") }, "options": { "tabSize": 2, "insertSpaces": true } });
    let untidy = "name:   p\nversion: 1 # one\nnodes:\n    d: {root: images,   type: dataset}\n";
    editor.open("p.yaml", untidy);
    let edits = editor.ask("textDocument/formatting", params.clone());
    let done = edited(untidy, edits.as_array().unwrap());
    fs::write(editor.path("p.yaml"), untidy).unwrap();
    assert!(kit::program(editor.folder.path()).args(["fmt", "p.yaml"]).status().unwrap().success());
    assert_eq!(done, fs::read_to_string(editor.path("p.yaml")).unwrap());
    editor.change("p.yaml", json!([{ "text": done }]));
    assert_eq!(editor.ask("textDocument/formatting", params.clone()), json!([]), "nothing to do");
    editor.change("p.yaml", json!([{ "text": "version: 1\nnodes: {\n" }]));
    assert_eq!(editor.ask("textDocument/formatting", params), Value::Null, "nothing can be done");
}

#[test]
fn the_server_lives_on_and_ends_when_it_is_told() {
    let mut editor = Editor::in_folder(project());
    assert!(editor.refusal("textDocument/hover", json!({ "nonsense": 1 })).contains("missing field"));
    assert_eq!(
        editor.refusal("textDocument/unheardOf", json!({})),
        "`textDocument/unheardOf` is not known here"
    );
    editor.tell("textDocument/didChange", json!({ "nonsense": 1 }));
    editor.tell("textDocument/didOpen", json!({}));
    let hostile = [
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "{".repeat(70),
        "a: ".repeat(50_000),
        "\u{e000}: \"".to_owned(),
    ];
    for text in &hostile {
        editor.open("p.yaml", text);
        let params = json!({ "textDocument": { "uri": editor.uri("p.yaml") }, "position": { "line": 0, "character": 3 } });
        for method in ["completion", "hover", "definition", "prepareRename"] {
            editor.ask(&format!("textDocument/{method}"), params.clone());
        }
        editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": editor.uri("p.yaml") } }));
        editor.all_said();
    }
    assert_eq!(editor.open("p.yaml", FILE), [] as [Value; 0]);
    assert_eq!(editor.ask("shutdown", Value::Null), Value::Null);
    editor.tell("exit", Value::Null);
    assert!(editor.server.wait().unwrap().success());
}

#[test]
fn files_that_are_no_pipelines_are_left_alone() {
    let mut editor = Editor::start();
    let workflow = "name: CI\non: push\njobs:\n  test:\n    ‸\n";
    assert_eq!(editor.open("ci.yaml", &workflow.replace('‸', "")), [] as [Value; 0]);
    assert_eq!(editor.offered(workflow), [] as [&str; 0]);
    assert_eq!(editor.open("empty.yaml", ""), [] as [Value; 0]);
    assert_eq!(editor.offered("‸").len(), 9);
}
