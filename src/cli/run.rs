//! `kiln run`: make what is not in the store.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;

use super::{
    Project, SetArgs, StoreArgs, companion,
    device_choice::{Chosen, DeviceChoice, best},
    load_or_show, output, signal,
    surroundings::surroundings,
};
use crate::{
    device::{self, LibTorch},
    device_name::DeviceName,
    device_names::DeviceNames,
    error::{Error, ErrorKind, Result},
    event::Event,
    plan::Loaded,
    progress::Stop,
    report::{self, Format, Reporter},
    run::{self, LockUse, Lockfile, Options, Results, RunRequest, Summary},
    shown,
    spec::MessageFormat,
    store::{self, DEFAULT_LIMIT, GRACE, Limits, Store},
};

/// What `kiln run` is asked.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The pipeline file to run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Run this node again even if its result is in the store; of a sweep also at some points (fit@lr=0.1), or all of theirs
    /// (lr=0.1); may be given several times
    #[arg(long, value_name = "NODE")]
    pub force: Vec<String>,
    /// Run this node and what it needs, and nothing else; of a sweep also at some points (fit@lr=0.1), or all of theirs
    /// (lr=0.1); may be given several times
    #[arg(long, value_name = "NODE")]
    pub only: Vec<String>,
    /// Fail, with exit code 4, where anything is not what the lock beside the file says; the lock stays as it is
    #[arg(long)]
    pub locked: bool,
    /// After a failure, go on with all nodes that do not need the failed one
    #[arg(long)]
    pub keep_going: bool,
    #[command(flatten)]
    pub how: HowArgs,
    #[command(flatten)]
    pub set: SetArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// How work is done and shown: what every command that runs nodes can be asked.
#[derive(Debug, Clone, Args)]
pub struct HowArgs {
    /// The device to compute on: cpu, libtorch, cuda:0, or auto, the best there is; training may have several:
    /// cuda:0,cuda:1
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub device: String,
    /// How many threads a node may use [default: one for each hardware thread]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Show results in this folder [default: runs/NAME of the project]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How the run is shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub progress: Format,
}

impl HowArgs {
    /// As the runner wants it.
    ///
    /// # Errors
    /// If there is no such device.
    pub fn options(&self) -> Result<Options> {
        let (devices, because) = match self.device.parse()? {
            DeviceChoice::Named(devices) => (devices, None),
            DeviceChoice::Auto => {
                let Chosen { device, because } = best();
                (device.into(), Some(because))
            }
        };
        let command = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let options = Options { devices, because, command, surroundings, ..Options::default() };
        Ok(Options { threads: self.threads.map_or(options.threads, usize::from), ..options })
    }
}

/// Runs a pipeline file.
///
/// # Errors
/// When the file is wrong, a node fails, the store can't be used or the run is stopped.
pub fn run(args: &RunArgs, format: MessageFormat) -> Result<()> {
    let loaded = load_or_show(&args.file, &args.set, format)?;
    let options = Options {
        lock: lock_use(&args.file, args.locked)?,
        force: args.force.clone(),
        only: args.only.clone(),
        keep_going: args.keep_going,
        ..args.how.options()?
    };
    let project = Project::of_file(&args.file, &args.store);
    let results = project.results_of_file(&args.file, &loaded.plan.name, args.how.out.as_deref());
    let reporter = report::for_stdout(output::progress(args.how.progress));
    run_loaded(&loaded, &project, &results, &options, reporter.as_ref()).map(drop)
}

/// Whether the lock of a pipeline file is to be obeyed, or written.
fn lock_use(file: &Path, obey: bool) -> Result<LockUse> {
    let path = Lockfile::path_of(file);
    if !obey {
        return Ok(LockUse::Write(path));
    }
    let none = || {
        Error::new(format!("there is no {}", shown::path(&path)))
            .of_kind(ErrorKind::Drift)
            .help("`kiln run` without `--locked` writes it; commit it with the pipeline file")
    };
    Ok(LockUse::Obey(Lockfile::read(&path)?.ok_or_else(none)?))
}

/// Runs a plan in its project, as every command that runs nodes does.
///
/// # Errors
/// When a node fails, the store can't be used or the run is stopped.
pub fn run_loaded(
    loaded: &Loaded,
    project: &Project,
    results: &Results,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Summary> {
    companion::check_sender()?;
    let other_program = device::needs_other_program(options.devices.first());
    limit_threads(options.threads)?;
    let store = Store::open(&project.store)?;
    // If all is in the store, no device is needed; else one that isn't there is told before any work begins.
    if run::needs_device(&loaded.plan, &store, options)? {
        match other_program {
            true => return Err(companion::go_on(options.devices.first())),
            false => device::open_all(&options.devices)?,
        };
        warn_of_libtorch(&options.devices, reporter);
    }
    let stop = Stop::default();
    signal::listen(&stop)?;
    let emit = |event: Event| reporter.report(&event);
    let request = RunRequest {
        spec: &loaded.spec,
        plan: &loaded.plan,
        store: &store,
        results,
        options,
        emit: &emit,
        stop: &stop,
    };
    let summary = run::run(&request)?;
    drop(store);
    if summary.ran > 0 {
        keep_within_limit(project)?;
    }
    Ok(summary)
}

/// Says so if the devices' LibTorch is not the one that this program was built for.
fn warn_of_libtorch(devices: &DeviceNames, reporter: &dyn Reporter) {
    let loaded = (devices.first() != DeviceName::Cpu).then(LibTorch::loaded).flatten();
    if let Some(line) = loaded.and_then(|loaded| loaded.differs()) {
        reporter.report(&Event::RunWarning { line });
    }
}

/// Work on all threads at once (hashing, decoding) keeps to the limit too, and so does LibTorch, which counts
/// for itself as long as there is none. Once in a program's life.
pub(super) fn limit_threads(threads: usize) -> Result<()> {
    static LIMITED: AtomicBool = AtomicBool::new(false);
    if LIMITED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    if threads < Options::default().threads {
        device::limit_threads(threads);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    pool.map_err(|error| Error::new(format!("cannot start {threads} threads")).because(error))
}

/// Makes room, unless another run uses the store: then that one will.
fn keep_within_limit(project: &Project) -> Result<()> {
    let limits = Limits { size: Some(DEFAULT_LIMIT), age: None, spare: GRACE };
    store::prune(&project.store, limits, false).map(drop)
}
