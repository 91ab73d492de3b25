//! Kiln's side of what `benches/peers/run` compares: prints how many images a second one kind of work handles. Beside
//! each file here stands its twin in Python, which has a peer do the same.
//!
//! ```text
//! peers step DEVICE SIZE BATCH SECONDS [ARCH [PRECISION]]   training steps
//! peers infer DEVICE MODEL SIZE BATCH SECONDS      forward passes of a trained model
//! peers load FOLDER train|eval SECONDS             one thread of the loader
//! ```

mod infer;
mod load;
mod rate;
mod step;

use std::{env, error::Error, io, os::unix::process::CommandExt as _, process::Command};

use kiln::cli::companion::habits;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if cfg!(feature = "libtorch") && habits().next().is_some() {
        return Err(with_habits(&words).into());
    }
    println!("{}", on_all_threads(|| rate(&words).map_err(|error| error.to_string()))??);
    Ok(())
}

/// Goes on as this program in the environment that `kiln` gives `kiln-libtorch`; comes back only if that fails.
fn with_habits(words: &[&str]) -> io::Error {
    match env::current_exe() {
        Ok(program) => Command::new(program).args(words).envs(habits()).exec(),
        Err(error) => error,
    }
}

/// Images a second.
fn rate(words: &[&str]) -> Result<f64, Box<dyn Error>> {
    Ok(match words[..] {
        ["step", device, size, batch, seconds, ref how @ ..] => {
            let what = step::Work::new(size.parse()?, batch.parse()?, how)?;
            step::rate(device.parse()?, what, seconds.parse()?)?
        }
        ["infer", device, model, size, batch, seconds] => {
            infer::rate(device.parse()?, model.as_ref(), size.parse()?, batch.parse()?, seconds.parse()?)?
        }
        ["load", folder, chain, seconds] => load::rate(folder.as_ref(), chain, seconds.parse()?)?,
        _ => return Err("the arguments are in the head of benches/peers/main.rs".into()),
    })
}

/// Runs `work` as a node of a run does: inside a pool with one thread for each of the machine's.
///
/// All of it, from the first tensor on: OpenMP has threads for each thread that asks it for work, and once that makes
/// more than the machine has, none of them waits awake for the next piece any more.
fn on_all_threads<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, rayon::ThreadPoolBuildError> {
    Ok(rayon::ThreadPoolBuilder::new().stack_size(8 << 20).build()?.install(work))
}

/// As many numbers between 0 and 1 as `batch` images of `size` pixels have.
fn pixels(batch: usize, size: usize) -> Vec<f32> {
    let mut random = kiln::random::Random::new("peers", &[0]);
    (0..batch * 3 * size * size).map(|_| random.unit() as f32).collect()
}
