//! Texts made to hurt their reader: each ends in an error, with work and memory in proportion to its size.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use kiln::{nodes::arch, yaml};

/// What makes a scanner, a reader or a teller quadratic, by name.
fn texts() -> Vec<(&'static str, String)> {
    let head = "version: 1\nname: p\nnodes:\n";
    let long = "x".repeat(1_000_000);
    let nodes = |count: usize, node: &dyn Fn(usize) -> String| {
        (0..count).fold(head.to_owned(), |mut text, i| {
            let _ = writeln!(text, "  n{i}: {}", node(i));
            text
        })
    };
    vec![
        ("flow mappings in each other", format!("{head}  n: {}", "{a: ".repeat(32_000))),
        ("flow lists in each other", format!("{head}  n: {}", "[".repeat(500_000))),
        ("flow lists that comments seem to close", format!("a: {}", "[ # ]\n".repeat(100_000))),
        ("block lists in each other", format!("a:\n {}", "- ".repeat(400_000))),
        ("keys in each other", format!("a: {}", "? ".repeat(400_000))),
        ("an alias of a long text", format!("a: &a \"{long}\"\nb: [{}]", vec!["*a"; 9_000].join(","))),
        ("an alias of a long key", format!("a: &a \"{long}\"\nb: {{ {} }}", vec!["*a : 1"; 5_000].join(","))),
        ("a laughing list", {
            let line = |i: usize| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "));
            (1..20).map(line).fold("a0: &a0 [x]\n".to_owned(), |text, line| text + &line)
        }),
        ("anchors", (0..60_000).fold(String::new(), |text, i| text + &format!("- &a{i} x\n"))),
        ("directives", "%TAG !a! tag:b\n".repeat(60_000) + "--- a\n"),
        (
            "directives of other names",
            (0..60_000).fold(String::new(), |text, i| text + &format!("%TAG !{i}! b\n")),
        ),
        ("documents", "--- a\n".repeat(100_000)),
        ("comments", format!("{head}{}", "# no\n".repeat(200_000))),
        ("empty lines between words", format!("a: b{}{}", "\n".repeat(500_000), "\n c".repeat(150_000))),
        ("blanks between words", format!("a: b{}{}", " ".repeat(500_000), " c".repeat(250_000))),
        ("a long line", format!("{head}  n: {{ type: dataset, root: [{long}] }}")),
        (
            "a long line with many mistakes",
            format!("{head}  n: {{ type: dataset, {} }}", vec!["z: 1"; 8_000].join(", ")),
        ),
        ("a long word", format!("version: 1\nname: {long}\n")),
        ("a long type", format!("{head}  n: {{ type: {long} }}\n")),
        ("one key very often", format!("{head}{}", "  n: { type: dataset }\n".repeat(2_000))),
        ("unknown keys", (0..9_000).fold(head.to_owned(), |text, i| text + &format!("  epochz{i}: 1\n"))),
        (
            "long unknown keys",
            (0..900).fold(String::new(), |text, i| text + &format!("{}{i}: 1\n", "lr".repeat(500))),
        ),
        ("unknown keys of a node", {
            let keys = (0..9_000).map(|i| format!("epochs{i}: 1")).collect::<Vec<_>>().join(", ");
            format!("{head}  n: {{ type: train, {keys} }}\n")
        }),
        (
            "wrong types",
            format!("{head}  n: {{ type: transforms, size: 1, train: [{}] }}\n", vec!["1"; 9_000].join(", ")),
        ),
        ("nodes without keys", nodes(3_300, &|_| "{ type: train }".to_owned())),
        ("references to no node", nodes(2_000, &|i| format!("{{ type: val, model: m{i}, dataset: m{i} }}"))),
        (
            "references to the wrong nodes",
            nodes(2_000, &|_| "{ type: val, model: n0, dataset: n1 }".to_owned()),
        ),
        ("long references", nodes(400, &|i| format!("{{ type: val, model: {}{i} }}", "m".repeat(1_000)))),
        (
            "a long circle",
            nodes(2_000, &|i| format!("{{ type: val, model: n{}, dataset: n0 }}", (i + 1) % 2_000)),
        ),
        ("paths to nothing", nodes(2_000, &|i| format!("{{ type: dataset, root: imags{i}/../x/y }}"))),
        ("a deep path", format!("{head}  n: {{ type: dataset, root: {} }}\n", "a/".repeat(100_000))),
        ("a path up", format!("{head}  n: {{ type: dataset, root: {}x }}\n", "../".repeat(100_000))),
        (
            "a file of names that can't be",
            nodes(3_000, &|i| format!("{{ type: {i} }}")).replace("  n", "  .n"),
        ),
        (
            "names that differ in capitals",
            (0..3_000).fold(head.to_owned(), |text, i| {
                let name: String = (0..12).map(|bit| if i >> bit & 1 == 1 { 'N' } else { 'n' }).collect();
                text + &format!("  {name}: {{ type: transforms }}\n")
            }),
        ),
        ("syntax errors at the end of much", format!("{}a: 'b", "- a\n".repeat(90_000))),
        ("an open quote", format!("a: \"{long}")),
        (
            "a wrong value of many lines",
            format!("{head}  n: {{ type: transforms, size: [{}] }}\n", "\n 1,".repeat(9_000)),
        ),
        ("control characters", format!("{head}  n: \"{}\"\n", "\\e\\0".repeat(200_000))),
    ]
}

/// The same for references to parameters, by name.
fn references() -> Vec<(&'static str, String)> {
    let head = "version: 1\nname: p\nnodes:\n";
    vec![
        ("references to no parameter", {
            let references: Vec<String> = (0..9_000).map(|i| format!("\"${{params.a{i}}}\"")).collect();
            let names: String = (0..900).map(|i| format!("  b{i}: 1\n")).collect();
            format!("params:\n{names}{head}  n: {{ type: transforms, train: [{}] }}\n", references.join(", "))
        }),
        ("references that are none", {
            format!("{head}  n: {{ type: transforms, train: [{}] }}\n", vec!["\"${x}\""; 9_000].join(", "))
        }),
        ("a circle of parameters", {
            let names: String =
                (0..3_000).map(|i| format!("  p{i}: ${{params.p{}}}\n", (i + 1) % 3_000)).collect();
            format!("params:\n{names}{head}  n: {{ type: dataset, root: \"${{params.p0}}\" }}\n")
        }),
        ("parameters that double", {
            let names: String = (1..30)
                .map(|i| format!("  p{i}: [\"${{params.p{0}}}\", \"${{params.p{0}}}\"]\n", i - 1))
                .collect();
            format!(
                "params:\n  p0: {}\n{names}{head}  n: {{ type: transforms, train: \"${{params.p29}}\" }}\n",
                "x".repeat(10_000)
            )
        }),
        ("a long text of references", {
            let name = format!("\"{}\"", "${params.a}".repeat(80_000));
            format!(
                "params: {{ a: {} }}\nname: {name}\n{}",
                "y".repeat(10_000),
                head.replace("name: p\n", "")
            )
        }),
        (
            "references that nothing closes",
            format!("{head}  n: {{ type: dataset, root: \"{}\" }}\n", "${".repeat(400_000)),
        ),
    ]
}

/// Longer than any machine that is busy with other tests needs.
const LONG: Duration = Duration::from_secs(30);

/// `kiln check` of a file, with less memory than it would take to be careless.
fn check(path: &Path) -> std::process::Output {
    let kiln = env!("CARGO_BIN_EXE_kiln");
    if cfg!(target_os = "linux") {
        // 300 MB of addresses, of which a program that does nothing takes a third.
        let script = format!("ulimit -v 300000; exec '{kiln}' check '{}'", path.display());
        return Command::new("sh").args(["-c", &script]).output().unwrap();
    }
    Command::new(kiln).arg("check").arg(path).output().unwrap()
}

#[test]
fn a_hostile_pipeline_ends_in_an_error_soon_and_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.yaml");
    for (name, text) in texts().into_iter().chain(references()) {
        fs::write(&path, &text).unwrap();
        let start = Instant::now();
        let output = check(&path);
        let said = String::from_utf8_lossy(&output.stderr);
        let end = said.chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        assert_eq!(output.status.code(), Some(3), "{name}: {end}");
        assert!(said.len() < 200_000, "{name}: {} bytes are said", said.len());
        if std::env::var_os("SHOW_TIMES").is_some() {
            eprintln!(
                "{:>8.3} s, {:>7} bytes: {name}: {}",
                start.elapsed().as_secs_f64(),
                text.len(),
                said.lines().nth(2).unwrap_or_default().chars().take(100).collect::<String>()
            );
        }
        assert!(start.elapsed() < LONG, "{name} takes {:?}", start.elapsed());
    }
}

#[test]
fn a_hostile_model_yaml_ends_in_an_error_soon() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.yaml");
    let rows = |row: &str, count: usize| {
        format!(
            "scales: {{ n: [100, 1, 64] }}\nbackbone:\n{}head:\n  - [-1, 1, Classify, [nc]]\n",
            row.repeat(count)
        )
    };
    let own = [
        ("repeats of repeats", rows("  - [-1, 1000, C3k2, [8, true]]\n", 1_000)),
        ("repeated rows", rows("  - [-1, 1000, Conv, [8]]\n", 1_000)),
        ("layers of a residual network", rows("  - [-1, 1, ResNetLayer, [8, 2, 1, False, 1000]]\n", 1_000)),
        ("unknown modules", rows("  - [-1, 1, Konv, [8]]\n", 1_000)),
        ("unknown keys", (0..9_000).fold(String::new(), |text, i| text + &format!("bakbone{i}: 1\n"))),
    ];
    for (name, text) in own.into_iter().chain(texts()) {
        fs::write(&path, &text).unwrap();
        let start = Instant::now();
        assert!(arch::read(&path, None).is_err(), "{name}");
        assert!(start.elapsed() < LONG, "{name} takes {:?}", start.elapsed());
    }
}

#[test]
fn what_a_text_stands_for_is_no_more_than_its_size_allows() {
    for (name, text) in texts() {
        let Ok(parsed) = yaml::parse(&text) else { continue };
        let size = serde_json::to_string(&parsed.value).unwrap().len();
        assert!(size <= 8 * text.len() + 200_000, "{name}: {size} bytes of {}", text.len());
    }
}

#[test]
fn what_a_shell_hands_over_is_read_up_to_the_limit() {
    let kiln = env!("CARGO_BIN_EXE_kiln");
    let run = |script: &str| Command::new("bash").args(["-c", script]).output().unwrap();
    let good = run(&format!(
        "printf 'version: 1\\nname: a\\nnodes:\\n  p: {{ type: transforms }}\\n' | '{kiln}' check /dev/stdin"
    ));
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    let endless = run(&format!("yes | '{kiln}' check /dev/stdin"));
    assert_eq!(endless.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&endless.stderr).contains("the file is larger than 1024 KiB"));
    for file in ["/dev/zero", "/dev/tty"] {
        let device = run(&format!("'{kiln}' check {file}"));
        assert_eq!(device.status.code(), Some(3), "{file}");
    }
}
