//! Checks a pipeline file with the library and prints its graph in the language of Graphviz.
//!
//! ```text
//! cargo run --release --example plan_as_dot pipelines/quickstart.yaml | dot -Tsvg > plan.svg
//! ```

use std::{path::Path, process::ExitCode};

use kiln::{nodes::KINDS, plan::load, spec::render::Style};

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: plan_as_dot FILE");
        return ExitCode::from(2);
    };
    match load(Path::new(&file), KINDS) {
        Ok(loaded) => {
            print!("{}", loaded.plan.to_dot());
            ExitCode::SUCCESS
        }
        Err(rejected) => {
            eprint!("{}", rejected.human(Style::of_stderr()));
            ExitCode::from(3)
        }
    }
}
