//! `kiln doctor`: what there is to compute with, what is missing, and what mends it.

use std::{collections::BTreeMap, path::Path};

use clap::Args;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Project, StoreArgs, companion, device_choice::best, json, output};
use crate::{
    bench::system,
    device::{self, LibTorch, Nvidia},
    device_name::DeviceName,
    error::{Error, Result},
    paths,
    report::words::size,
    shown,
};

/// What `kiln doctor` is asked.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// What was found out about one thing.
struct Finding {
    what: String,
    state: std::result::Result<String, Error>,
}

impl Finding {
    fn good(what: &str, state: String) -> Self {
        Self { what: what.to_owned(), state: Ok(state) }
    }
}

/// Looks at the machine and at what Kiln needs of it, and tells. What is missing is no error: `cpu` is always there.
///
/// # Errors
/// If the current folder is gone.
pub fn doctor(args: &DoctorArgs) -> Result<()> {
    // The other program, where it can be started, knows its LibTorch; this one only knows that there is one.
    let lost =
        device::needs_other_program(DeviceName::LibTorch).then(|| companion::go_on(DeviceName::LibTorch));
    let findings = findings(lost, &Project::of_command(&args.store)?.store);
    match args.json {
        true => json::print(&as_data(&findings)),
        false => findings.iter().for_each(|finding| output::prose(&format!("{}\n", as_text(finding)))),
    }
    Ok(())
}

/// All that there is to tell; `lost` is why there is no LibTorch, if there is none.
fn findings(lost: Option<Error>, store: &Path) -> Vec<Finding> {
    let nvidia = Nvidia::loaded();
    let best = best();
    let mut findings = vec![
        Finding::good("kiln", format!("{}, {}", env!("CARGO_PKG_VERSION"), system())),
        Finding {
            what: "sources".to_owned(),
            state: companion::check_sender().map(|()| companion::BUILD.to_owned()),
        },
        Finding { what: "driver".to_owned(), state: driver(nvidia.as_ref()) },
        Finding::good("cpu", format!("ready; {}, vectors: {}", threads(), device::vectors())),
    ];
    findings.extend(libtorch(lost));
    findings.push(Finding::good("auto", format!("{}, since {}", best.device, best.because)));
    findings.push(Finding { what: "store".to_owned(), state: room(store) });
    findings
}

fn threads() -> String {
    shown::count(std::thread::available_parallelism().map_or(1, usize::from), "thread")
}

fn driver(nvidia: Option<&Nvidia>) -> Result<String> {
    let none = || Error::new("no NVIDIA driver is loaded").help("only GPUs need one");
    let Nvidia { driver, gpus } = nvidia.ok_or_else(none)?;
    let version = driver.as_deref().unwrap_or("of unknown version");
    Ok(match &gpus[..] {
        [] => format!("NVIDIA {version}"),
        gpus => format!("NVIDIA {version}: {}", gpus.join(", ")),
    })
}

/// The devices of LibTorch.
fn libtorch(lost: Option<Error>) -> Vec<Finding> {
    if let Some(error) = lost {
        return vec![Finding { what: DeviceName::LibTorch.to_string(), state: Err(error) }];
    }
    let library = match LibTorch::loaded() {
        Some(loaded) => told(&loaded),
        None => "ready".to_owned(),
    };
    let gpus = (0..device::gpus().max(1)).map(DeviceName::Cuda);
    let gpus = gpus
        .map(|gpu| Finding { what: gpu.to_string(), state: device::open(gpu).map(|_| "ready".to_owned()) });
    let several = (device::gpus() > 1).then(|| {
        Finding::good("several", "training takes some of these together: `--device cuda:0,cuda:1`".to_owned())
    });
    std::iter::once(Finding::good("libtorch", library)).chain(gpus).chain(several).collect()
}

fn told(loaded: &LibTorch) -> String {
    let LibTorch { lib, version } = loaded;
    let differs = loaded.differs().map(|line| format!("; {line}")).unwrap_or_default();
    format!("ready; version {}, {}{differs}", version.as_deref().unwrap_or("unknown"), shown::path(lib))
}

/// Where results are kept, and how much room there is.
fn room(store: &Path) -> Result<String> {
    let there = store.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let state = if there == store { "" } else { ", not there yet" };
    let free = free(there)?.map(|bytes| format!("; {} free", size(bytes))).unwrap_or_default();
    Ok(format!("{}{state}{free}", shown::path(paths::from_here(store))))
}

/// Free bytes of the disk that a folder is on, where the system tells.
#[cfg(unix)]
fn free(folder: &Path) -> Result<Option<u64>> {
    let disk = rustix::fs::statvfs(folder).map_err(|error| Error::io("read", folder, error.into()))?;
    Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Result<Option<u64>> {
    Ok(None)
}

fn as_text(Finding { what, state }: &Finding) -> String {
    match state {
        Ok(state) => format!("{what:<9} {state}"),
        Err(error) => {
            let help = error.hint().map(|help| format!("\n{:<9} help: {help}", "")).unwrap_or_default();
            format!("{what:<9} not ready: {}{help}", shown::text(&error.chain()))
        }
    }
}

/// What was found out, as `kiln doctor --json` prints it, by what it is about: `cpu`, `libtorch`, `cuda:0`, `store`, ….
#[derive(Serialize, JsonSchema)]
pub(super) struct Found(#[schemars(with = "BTreeMap<String, FoundState>")] IndexMap<String, FoundState>);

/// What was found out about one thing.
#[derive(Serialize, JsonSchema)]
struct FoundState {
    /// Whether it can be used.
    ready: bool,
    /// In what state it is.
    says: String,
    /// What mends it, where something can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

fn as_data(findings: &[Finding]) -> Found {
    let state = |finding: &Finding| match &finding.state {
        Ok(says) => FoundState { ready: true, says: says.clone(), help: None },
        Err(error) => FoundState { ready: false, says: error.chain(), help: error.hint().map(str::to_owned) },
    };
    Found(findings.iter().map(|finding| (finding.what.clone(), state(finding))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_mends_it() {
        let lost = || Error::usage("there is no LibTorch").help("put it there");
        let all = findings(Some(lost()), Path::new("/"));
        let text = |what: &str| as_text(all.iter().find(|finding| finding.what == what).unwrap());
        assert_eq!(
            text("libtorch"),
            "libtorch  not ready: there is no LibTorch\n          help: put it there"
        );
        assert!(text("cpu").starts_with("cpu       ready; "), "{}", text("cpu"));
        #[cfg(unix)]
        assert!(text("store").ends_with(" free"), "{}", text("store"));
        let json = json::object(&as_data(&all));
        assert_eq!(
            json["libtorch"],
            json!({"ready": false, "says": "there is no LibTorch", "help": "put it there"})
        );
        assert_eq!(json["cpu"]["ready"], true);
    }

    #[test]
    fn a_driver_is_told_with_its_gpus() {
        assert_eq!(driver(None).unwrap_err().to_string(), "no NVIDIA driver is loaded");
        let one = Nvidia {
            driver: Some("570.1".to_owned()),
            gpus: vec!["NVIDIA A".to_owned(), "NVIDIA B".to_owned()],
        };
        assert_eq!(driver(Some(&one)).unwrap(), "NVIDIA 570.1: NVIDIA A, NVIDIA B");
        assert_eq!(
            driver(Some(&Nvidia { driver: None, gpus: Vec::new() })).unwrap(),
            "NVIDIA of unknown version"
        );
    }
}
