//! What the system says about NVIDIA's driver and GPUs, without loading any library.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A driver that the system has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nvidia {
    /// Its version, e.g. `570.86.15`, where the system tells.
    pub driver: Option<String>,
    /// The models of the GPUs, where the system tells.
    pub gpus: Vec<String>,
}

impl Nvidia {
    /// The driver that this system has loaded, if there is one.
    pub fn loaded() -> Option<Self> {
        below(Path::new("/"))
    }
}

/// The driver of a system whose files lie below `root`.
fn below(root: &Path) -> Option<Nvidia> {
    let version = fs::read_to_string(root.join("proc/driver/nvidia/version")).ok();
    // Containers may show the devices and hide what the driver says.
    if version.is_none() && !root.join("dev/nvidiactl").exists() {
        return None;
    }
    let driver = version.as_deref().and_then(number).map(str::to_owned);
    Some(Nvidia { driver, gpus: models(&root.join("proc/driver/nvidia/gpus")) })
}

/// The version in `NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu …`.
fn number(text: &str) -> Option<&str> {
    let is_number =
        |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    text.lines().next()?.split_whitespace().find(is_number)
}

/// What each folder of a GPU calls its model, in the order of their places on the bus.
fn models(folder: &Path) -> Vec<String> {
    let mut gpus: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    gpus.sort();
    gpus.iter().filter_map(|gpu| model(&fs::read_to_string(gpu.join("information")).ok()?)).collect()
}

fn model(information: &str) -> Option<String> {
    information.lines().find_map(|line| line.strip_prefix("Model:")).map(|model| model.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_driver_and_its_gpus_are_told() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(below(root.path()), None);
        write(root.path(), "dev/nvidiactl", "");
        assert_eq!(below(root.path()), Some(Nvidia { driver: None, gpus: Vec::new() }));
        let version = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC version: 12.3.0";
        write(root.path(), "proc/driver/nvidia/version", version);
        for (bus, name) in [("0000:0b:00.0", "B"), ("0000:0a:00.0", "A")] {
            let path = format!("proc/driver/nvidia/gpus/{bus}/information");
            write(root.path(), &path, &format!("Model: \t\t NVIDIA {name}\nIRQ:   \t 24\n"));
        }
        let gpus = vec!["NVIDIA A".to_owned(), "NVIDIA B".to_owned()];
        assert_eq!(below(root.path()), Some(Nvidia { driver: Some("570.86.15".to_owned()), gpus }));
    }
}
