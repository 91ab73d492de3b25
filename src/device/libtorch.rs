//! Which LibTorch this program runs with.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The LibTorch that this program has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibTorch {
    /// The folder of its libraries.
    pub lib: PathBuf,
    /// Its version, e.g. `2.9.0+cu128`, where it tells.
    pub version: Option<String>,
}

impl LibTorch {
    /// The one that this program has loaded, if it has any and the system tells where it lies.
    pub fn loaded() -> Option<Self> {
        let lib = folder(&fs::read_to_string("/proc/self/maps").ok()?)?;
        let version = version(&lib);
        Some(Self { lib, version })
    }
}

/// The folder of the library among those that a process has mapped.
fn folder(maps: &str) -> Option<PathBuf> {
    let path =
        maps.lines().find_map(|line| line.find('/').map(|at| &line[at..]).filter(|path| is_it(path)))?;
    Path::new(path).parent().map(Path::to_path_buf)
}

fn is_it(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == "libtorch_cpu.so")
}

/// The version that lies beside the libraries: that of a Python package, or of an archive of LibTorch.
fn version(lib: &Path) -> Option<String> {
    let read = |name: &str| fs::read_to_string(lib.parent()?.join(name)).ok();
    let of_package = || {
        let text = read("version.py")?;
        let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
        Some(line.trim_matches(['\'', '"']).to_owned())
    };
    of_package().or_else(|| Some(read("build-version")?.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_lies_beside_the_libraries() {
        let root = tempfile::tempdir().unwrap();
        let lib = root.path().join("lib");
        assert_eq!(version(&lib), None);
        fs::write(root.path().join("build-version"), "2.9.0+cpu\n").unwrap();
        assert_eq!(version(&lib).as_deref(), Some("2.9.0+cpu"));
        fs::write(
            root.path().join("version.py"),
            "__all__ = []\n__version__ = '2.9.1+cu128'\ndebug = False\n",
        )
        .unwrap();
        assert_eq!(version(&lib).as_deref(), Some("2.9.1+cu128"));
    }

    #[test]
    fn the_library_is_found_among_those_of_the_process() {
        let maps = "7f00-7f01 r-xp 00000000 00:1f 12   /usr/lib/libc.so.6\n7f02-7f03 rw-p 00000000 00:00 0\n\
                    7f04-7f05 r--p 00000000 00:1f 13   /opt/my torch/lib/libtorch_cpu.so\n";
        assert_eq!(folder(maps), Some(PathBuf::from("/opt/my torch/lib")));
        assert_eq!(folder("7f00-7f01 r-xp 00000000 00:1f 12   /usr/lib/libc.so.6\n"), None);
    }
}
