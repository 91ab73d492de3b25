//! Which LibTorch this program runs with.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::version::version;

/// The LibTorch that this program has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibTorch {
    /// The folder of its libraries.
    pub lib: PathBuf,
    /// Its version, e.g. `2.9.0+cu128`, where it tells.
    pub version: Option<String>,
}

impl LibTorch {
    /// Says so if it is of another release than the one that this program was built for.
    pub fn differs(&self) -> Option<String> {
        self.differs_from(option_env!("KILN_LIBTORCH"))
    }

    fn differs_from(&self, built_for: Option<&str>) -> Option<String> {
        let (version, built_for) = (self.version.as_deref()?, built_for?);
        (!same_release(version, built_for)).then(|| {
            format!(
                "LibTorch is {version}, but this program was built for {built_for}: let LD_LIBRARY_PATH name the `lib` \
                 folder of that one, or build with `cargo libtorch` again"
            )
        })
    }

    /// The one that this program has loaded, if it has any and the system tells where it lies.
    pub fn loaded() -> Option<Self> {
        let lib = folder(&fs::read_to_string("/proc/self/maps").ok()?)?;
        let version = lib.parent().and_then(version);
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

/// Whether two versions are of one release, whatever they were built with: `2.9.0+cpu` and `2.9.0+cu128` are.
fn same_release(one: &str, other: &str) -> bool {
    let release = |version: &str| version.split('+').next().map(str::to_owned);
    release(one) == release(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_release_than_the_one_that_was_built_for_is_told() {
        let loaded =
            |version: Option<&str>| LibTorch { lib: PathBuf::new(), version: version.map(str::to_owned) };
        let told = |version, built_for| loaded(version).differs_from(built_for);
        assert_eq!(told(Some("2.9.0+cpu"), Some("2.9.0+cu128")), None);
        assert_eq!(told(None, Some("2.9.0")).or(told(Some("2.9.0"), None)), None);
        insta::assert_snapshot!(told(Some("2.9.1+cpu"), Some("2.9.0+cu128")).unwrap(), @"LibTorch is 2.9.1+cpu, but this program was built for 2.9.0+cu128: let LD_LIBRARY_PATH name the `lib` folder of that one, or build with `cargo libtorch` again");
    }

    #[test]
    fn the_library_is_found_among_those_of_the_process() {
        let maps = "7f00-7f01 r-xp 00000000 00:1f 12   /usr/lib/libc.so.6\n7f02-7f03 rw-p 00000000 00:00 0\n\
                    7f04-7f05 r--p 00000000 00:1f 13   /opt/my torch/lib/libtorch_cpu.so\n";
        assert_eq!(folder(maps), Some(PathBuf::from("/opt/my torch/lib")));
        assert_eq!(folder("7f00-7f01 r-xp 00000000 00:1f 12   /usr/lib/libc.so.6\n"), None);
    }
}
