//! A step of a row in a process of its own, which is this program once more.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    bench::Step,
    cli::{companion, json, run::limit_threads},
    device,
    error::{Error, Result},
    progress::Stop,
};

/// How often it is looked whether a process has ended: seldom, so that it has the processors to itself.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Does a step in a process of its own, with files in `scratch` to speak through; gives what it printed.
///
/// # Errors
/// Its own, or how it ended; and if the user asks to stop, which ends it.
pub(super) fn alone(step: &Step, scratch: &Path, stop: &Stop) -> Result<Value> {
    let [asked, told, trouble] = ["step.json", "told.json", "trouble.txt"].map(|name| scratch.join(name));
    let text = serde_json::to_vec(step).map_err(|error| Error::new("its path is no text").because(error))?;
    fs::write(&asked, text).map_err(|error| Error::io("write", &asked, error))?;
    let status = ended(&mut start(&asked, &told, &trouble)?, stop)?;
    let read = |path: &Path| fs::read(path).unwrap_or_default();
    match serde_json::from_slice::<Value>(&read(&told)) {
        Ok(value) if status.success() => Ok(value),
        Ok(value) => Err(failure(&value)),
        Err(_) if was_interrupted(status) => Err(Error::interrupted()),
        Err(_) => Err(crash(status, &String::from_utf8_lossy(&read(&trouble)))),
    }
}

fn start(asked: &Path, told: &Path, trouble: &Path) -> Result<Child> {
    let this = env::current_exe().map_err(|error| Error::new("cannot find this program").because(error))?;
    let create = |path: &Path| File::create(path).map_err(|error| Error::io("create", path, error));
    let mut command = Command::new(&this);
    command.args(["--message-format", "json", "bench", "--step"]).arg(asked);
    command.stdin(Stdio::null()).stdout(create(told)?).stderr(create(trouble)?);
    command.spawn().map_err(|error| Error::io("start", &this, error))
}

/// How a process ended; it is killed where the user asks to stop.
fn ended(child: &mut Child, stop: &Stop) -> Result<ExitStatus> {
    let lost = |error| Error::new("cannot wait for a process").because(error);
    loop {
        if let Some(status) = child.try_wait().map_err(lost)? {
            return stop.check().map(|()| status);
        }
        if stop.requested() {
            // It may have ended just now.
            let _ = child.kill();
            child.wait().map_err(lost)?;
            return Err(Error::interrupted());
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The error that a process printed.
fn failure(told: &Value) -> Error {
    let error = &told["error"];
    let causes = error["causes"].as_array().into_iter().flatten();
    let all: Vec<&str> = std::iter::once(&error["message"]).chain(causes).filter_map(Value::as_str).collect();
    let help = error["help"].as_str().map(str::to_owned);
    help.into_iter().fold(Error::new(all.join(": ")), Error::help)
}

/// That a process ended without a word of what is meant for programs.
fn crash(status: ExitStatus, trouble: &str) -> Error {
    // Before the message of a panic stands where it is.
    let line = trouble.lines().find(|line| !line.trim().is_empty() && !line.starts_with("thread '"));
    let reason = line.map(|line| format!(": {}", line.trim())).unwrap_or_default();
    let error = Error::new(format!("its process ended by {status}{reason}"));
    let is_short_of_memory = signal(status) == Some(KILLED) || trouble.contains("memory allocation of");
    if is_short_of_memory { error.help("there may be too little memory for it") } else { error }
}

/// The number of the signal with which a system short of memory ends a process.
const KILLED: i32 = 9;

fn was_interrupted(status: ExitStatus) -> bool {
    signal(status).is_some_and(|signal| [2, 15].contains(&signal))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Does the step that a file says, as the process that [`alone`] started, and prints what came of it.
///
/// # Errors
/// Those of the step.
pub(super) fn step(file: &Path) -> Result<()> {
    companion::check_sender()?;
    let text = fs::read(file).map_err(|error| Error::io("read", file, error))?;
    let step: Step = serde_json::from_slice(&text)
        .map_err(|error| Error::usage("`--step` is for `kiln bench` itself").because(error))?;
    match step {
        Step::Fresh(fresh) => fresh.write()?,
        Step::Written(written) => written.write()?,
        Step::Measure(measure) => {
            let device = measure.device.parse()?;
            if device::needs_other_program(device) {
                return Err(companion::go_on(device));
            }
            limit_threads(measure.threads)?;
            json::print(&measure.run()?);
            return Ok(());
        }
    }
    json::print(&Map::<String, Value>::new());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_comes_over_whole() {
        let told = json!({"version": 1, "error": {"message": "a", "causes": ["b", "c"], "help": "d"}});
        let error = failure(&told);
        assert_eq!((error.to_string().as_str(), error.hint()), ("a: b: c", Some("d")));
    }

    #[cfg(unix)]
    #[test]
    fn how_a_process_ended_is_told() {
        use std::os::unix::process::ExitStatusExt as _;
        let told = |raw, trouble| {
            let error = crash(ExitStatus::from_raw(raw), trouble);
            (error.to_string(), error.hint().is_some())
        };
        assert_eq!(told(9, ""), ("its process ended by signal: 9 (SIGKILL)".to_owned(), true));
        let (message, may_be_memory) = told(6, "\nmemory allocation of 99 bytes failed\n");
        assert!(message.ends_with(": memory allocation of 99 bytes failed") && may_be_memory, "{message}");
        let (message, may_be_memory) =
            told(101 << 8, "thread 'main' (1) panicked at a.rs:1:\nwhy\nnote: x\n");
        assert_eq!((message.as_str(), may_be_memory), ("its process ended by exit status: 101: why", false));
    }
}
