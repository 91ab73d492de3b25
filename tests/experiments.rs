//! An experiment's life on the command line: locked, verified, listed, compared, and told apart.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

mod kit;

/// A project with a small dataset and a pipeline that trains for an epoch.
struct Home(TempDir);

struct Said {
    code: i32,
    out: String,
    text: String,
}

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for (class, image) in [("3", "00000.png"), ("3", "00001.png"), ("7", "00000.png"), ("7", "00001.png")]
        {
            let from = kit::repository("examples/data/mnist160/train").join(class).join(image);
            for split in ["train", "val"] {
                let folder = home.path("digits").join(split).join(class);
                fs::create_dir_all(&folder).unwrap();
                fs::copy(&from, folder.join(image)).unwrap();
            }
        }
        home.pipeline(32)
    }

    fn pipeline(self, size: u32) -> Self {
        let text = format!(
            "version: 1\nname: digits\nnodes:\n  data: {{type: dataset, root: digits}}\n  prep: {{type: transforms, size: {size}}}\n  \
             net: {{type: model, arch: yolo11n-cls, dataset: data}}\n  fit: {{type: train, model: net, dataset: data, epochs: 1, batch: 4, transforms: prep}}\n  score: {{type: val, model: fit}}\n"
        );
        fs::write(self.path("p.yaml"), text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn kiln(&self, line: &str) -> Said {
        let output = kit::program(self.0.path()).args(line.split(' ')).output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Said { code: output.status.code().unwrap(), text: format!("{out}{err}"), out }
    }

    fn git(&self, line: &str) {
        let name = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"];
        let output =
            Command::new("git").current_dir(self.0.path()).args(name).args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Said {
    #[track_caller]
    fn ends(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        words.iter().for_each(|word| assert!(self.text.contains(word), "no `{word}` in:\n{}", self.text));
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

fn leftovers(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("verify-")).collect()
}

#[test]
fn results_are_verified_against_the_store_and_the_lock() {
    let home = Home::new();
    home.kiln("verify p.yaml").ends(2, &["there is nothing to compare with", "`kiln run` makes it"]);
    home.kiln("verify p.yaml --locked").ends(2, &["there is nothing to compare with: there is no p.lock"]);
    home.kiln("run p.yaml --locked").ends(4, &["there is no p.lock"]);
    home.kiln("run p.yaml").ends(0, &[]);
    home.kiln("verify p.yaml").ends(0, &["same     data", "same     score"]);
    home.kiln("verify p.yaml --locked --only data").ends(0, &["same     data"]);
    let lock = fs::read_to_string(home.path("p.lock")).unwrap();
    let score = lock.split("[score]").nth(1).unwrap();
    let loss = score.lines().find_map(|line| line.strip_prefix("metric.loss ")).unwrap();
    let forged = lock.replace(&format!("metric.loss {loss}\nmetric.macro"), "metric.loss 9.5\nmetric.macro");
    fs::write(home.path("p.lock"), forged).unwrap();
    let said =
        home.kiln("verify p.yaml --locked --json").ends(4, &["1 node gave something else than before"]);
    let nodes = said.json()["nodes"].clone();
    let different = nodes.as_array().unwrap().iter().find(|node| node["same"] == false).unwrap();
    assert_eq!(
        (&different["node"], &different["differences"][0]["before"]),
        (&"score".into(), &"9.5".into())
    );
    home.kiln("verify p.yaml --locked --tolerance 0.1").ends(4, &["metric.loss: 9.5 -> "]);
    home.kiln("verify p.yaml --locked --tolerance 100").ends(0, &[]);
    home.kiln("verify p.yaml --tolerance many").ends(2, &["it must be a number"]);
    assert_eq!(leftovers(&home.path(".kiln")), [] as [&str; 0], "a fresh store is removed at the end");
}

#[test]
fn more_epochs_go_on_from_fewer() {
    let home = Home::new();
    let text = fs::read_to_string(home.path("p.yaml")).unwrap();
    let trained = |how: &str| fs::write(home.path("p.yaml"), text.replace("epochs: 1", how)).unwrap();
    trained("epochs: 2, save_period: 1, warmup_epochs: 1, nominal_batch: 4, schedule: step");
    home.kiln("run p.yaml").ends(0, &[]);
    trained("epochs: 4, save_period: 1, warmup_epochs: 1, nominal_batch: 4, schedule: step");
    home.kiln("plan p.yaml").ends(0, &["epochs: 2 -> 4; goes on from the finished run with `epochs: 2`"]);
    home.kiln("why p.yaml fit").ends(0, &["goes on from the finished run with `epochs: 2`"]);
    let said = home.kiln("run p.yaml").ends(0, &["continues in epoch 3/4, batch 1", "epoch 4/4"]);
    assert!(!said.text.contains("epoch 2/4"), "{}", said.text);
    home.kiln("verify p.yaml").ends(0, &["epoch 1/4", "same     fit", "same     score"]);
    // The rate of a run that falls to the end is another one from its first epoch on.
    trained("epochs: 2, warmup_epochs: 1");
    home.kiln("run p.yaml").ends(0, &[]);
    trained("epochs: 4, warmup_epochs: 1");
    home.kiln("plan p.yaml")
        .ends(0, &["can't go on from the finished run with `epochs: 2`: its learning rate fell"]);
    let said = home.kiln("run p.yaml").ends(0, &["epoch 1/4"]);
    assert!(!said.text.contains("continues"), "{}", said.text);
    assert_eq!(
        fs::read_dir(home.path(".kiln/store/ends")).unwrap().count(),
        2,
        "one for each that can be gone on from"
    );
    home.kiln("cache prune --size 0").ends(0, &[]);
    assert_eq!(fs::read_dir(home.path(".kiln/store/ends")).unwrap().count(), 0, "they go with their results");
}

#[test]
fn points_are_given_up_and_the_best_go_on() {
    let home = Home::new();
    let text = fs::read_to_string(home.path("p.yaml")).unwrap();
    let trained = "epochs: '${params.epochs}', lr0: '${params.rate}', optimizer: sgd, nominal_batch: 4, warmup_epochs: 0, schedule: step";
    let text = text.replace("epochs: 1", trained).replace(
        "nodes:",
        "params: { rate: 1, epochs: 1 }\nmatrix: { rate: { min: 0.001, max: 0.1, scale: log }, draw: 3 }\n\
         halving: { over: epochs, values: [1, 2], by: score.loss, best: lowest }\nnodes:",
    );
    fs::write(home.path("p.yaml"), &text).unwrap();
    home.kiln("plan p.yaml")
        .ends(0, &["runs if its point is among the best at `epochs=1`", "0 of 15 in the store"]);
    let said = home
        .kiln("run p.yaml")
        .ends(0, &["1 of 3 goes on with epochs=2, by score.loss: rate=", "continues in epoch 2/2"]);
    assert_eq!(said.text.matches("Finished score@").count(), 4, "{}", said.text);
    home.kiln("plan p.yaml")
        .ends(0, &["given up: not among the best at `epochs=1`", "11 of 15 in the store"]);
    // The same ones are chosen again, and nothing runs.
    let again = home.kiln("run p.yaml").ends(0, &["1 of 3 goes on with epochs=2"]);
    assert!(!again.text.contains("Running"), "{}", again.text);
    let rates: Vec<String> = home
        .kiln("list --json --where fit.epochs=1")
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["point"].as_str().unwrap().split(',').next().unwrap().to_owned())
        .collect();
    assert_eq!(rates.len(), 3);
    home.kiln(&format!("compare --paired {} {}", rates[0], rates[1])).ends(0, &["difference", "score.loss"]);
    home.kiln("compare --paired rate=7 rate=8").ends(2, &["no point of a sweep has `rate=7`"]);
    fs::write(home.path("p.yaml"), text.replace("score.loss", "score.los")).unwrap();
    home.kiln("run p.yaml").ends(2, &["gave no `los`", "`halving.by` can be one of"]);
}

#[test]
fn experiments_are_listed_filtered_and_compared() {
    let home = Home::new();
    home.kiln("list").ends(0, &["nothing yet"]);
    home.kiln("run p.yaml").ends(0, &[]);
    let home = home.pipeline(40);
    home.kiln("run p.yaml").ends(0, &[]);
    home.kiln("run p.yaml").ends(0, &[]);
    let all = home.kiln("list --json").json();
    let sizes: Vec<_> =
        all.as_array().unwrap().iter().map(|one| one["prep.size"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [40, 32], "the last one first, and the same results once");
    let sizes = |line: &str| {
        let all = home.kiln(&format!("list --json {line}")).ends(0, &[]).json();
        all.as_array().unwrap().iter().map(|one| one["prep.size"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sizes("--where prep.size<39"), [32]);
    assert_eq!(sizes("--sort prep.size digits"), [32, 40]);
    assert_eq!(sizes("--sort prep.size --reverse"), [40, 32]);
    assert_eq!(sizes("other"), [] as [u64; 0]);
    home.kiln("list --where prep.sise>50")
        .ends(2, &["no experiment has a `prep.sise`", "did you mean `prep.size`?"]);
    home.kiln("list --where prep.size").ends(2, &["is no condition"]);
    home.kiln("list --columns score.images --format csv")
        .ends(0, &["id,pipeline,run,score.images\n", ",4\n"]);
    let runs = home.kiln("list --runs --json").json();
    let cached: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["cached"].as_u64().unwrap()).collect();
    assert_eq!(cached, [5, 2, 0]);
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    home.kiln(&format!("compare {} {} --format markdown", ids[0], &ids[1][..6]))
        .ends(0, &["| prep.size | 40 | 32 |", "| score.images | 4 | 4 |"]);
    home.kiln("compare zzz").ends(2, &["there is no experiment `zzz`", "`kiln list` shows"]);
}

#[test]
fn what_changed_since_the_last_commit_is_told_by_name() {
    let home = Home::new();
    home.kiln("run p.yaml").ends(0, &[]);
    fs::write(home.path(".gitignore"), ".kiln\nruns\n").unwrap();
    home.git("init -q");
    home.git("add .");
    home.git("commit -qm first");
    home.kiln("diff p.yaml").ends(0, &["no difference"]);
    let home = home.pipeline(40);
    fs::rename(home.path("digits/train/7/00000.png"), home.path("digits/train/7/moved.png")).unwrap();
    let told = [
        "prep\n  param.size: 32 -> 40\n",
        "1 image came: train/7/moved.png",
        "1 image went: train/7/00000.png",
    ];
    home.kiln("diff p.yaml").ends(0, &told);
    home.kiln("diff p.lock p.yaml").ends(0, &told);
    home.kiln("why p.yaml data").ends(0, &told[1..]);
    home.kiln("run p.yaml").ends(0, &[]);
    let said = home.kiln("diff HEAD:p.yaml p.lock --json").ends(0, &[]).json();
    let data = said["changed"].as_array().unwrap().iter().find(|one| one["node"] == "data").unwrap();
    assert_eq!(data["images"]["came"], serde_json::json!(["train/7/moved.png"]));
    home.kiln("diff HEAD:other.yaml p.lock").ends(2, &["git has no other.lock in HEAD"]);
    home.kiln("diff digits nothing").ends(2, &["there is no experiment `nothing`"]);
}

#[test]
fn a_file_is_written_for_a_folder_of_images() {
    let home = Home::new();
    home.kiln("init digits").ends(0, &["2 classes (3, 7); 4 train, 4 val images", "wrote digits.yaml"]);
    home.kiln("check digits.yaml").ends(0, &["ok, 6 nodes"]);
    home.kiln("init digits").ends(2, &["digits.yaml already exists", "`--out FILE`"]);
    fs::create_dir(home.path("sub")).unwrap();
    home.kiln("init digits --out sub/own.yaml --arch yolo26s-cls --size 96 --epochs 7")
        .ends(0, &["wrote sub/own.yaml"]);
    let text = fs::read_to_string(home.path("sub/own.yaml")).unwrap();
    for part in [
        "root: ../digits ",
        "arch: yolo26s-cls ",
        "size: 96 ",
        "epochs: 7\n",
        "$schema=schemas/pipeline.schema.json\n",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    home.kiln("check sub/own.yaml").ends(0, &["ok"]);
    home.kiln("init").ends(2, &["which folder of images is it for?"]);
    home.kiln("init nowhere").ends(1, &["nowhere"]);
    fs::create_dir(home.path("empty")).unwrap();
    home.kiln("init empty").ends(1, &["there are no images in empty"]);
}

#[test]
fn shells_and_manuals_are_told_of_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        home.kiln(&format!("completions {shell}")).ends(0, &["verify", "locked", "label-smoothing"]);
    }
    home.kiln("man pages").ends(0, &[]);
    let page = fs::read_to_string(home.path("pages/kiln-run.1")).unwrap();
    assert!(page.contains("locked") && page.contains("keep"), "{page}");
}
