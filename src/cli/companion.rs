//! `kiln-libtorch`, the same program linked with LibTorch.
//!
//! LibTorch takes 0.4 s to load, and a program that is linked with it does not start where it is missing. So
//! `kiln` itself is built without it, starts in milliseconds and can say what is missing; once a node has to
//! compute on one of LibTorch's devices, it goes on as the program that lies beside it.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Command,
};

use indexmap::IndexSet;

use crate::{
    device_name::DeviceName,
    error::{Error, Result},
};

const NAME: &str = "kiln-libtorch";

/// What this program was built from (`build.rs`).
pub(super) const BUILD: &str = env!("KILN_BUILD");
/// The variable in which the program that goes on finds what the one before it was built from.
const SENDER: &str = "KILN_BUILD";

/// What LibTorch's libraries read when they start, each with another variable that says the same.
const HABITS: [(&str, &str, &str); 2] = [
    // Threads of OpenMP that wait keep a core busy, which the loader and other programs want: many times slower then.
    // They wait so for some microseconds: to sleep at once makes training half as fast on a quiet machine.
    ("GOMP_SPINCOUNT", "10000", "OMP_WAIT_POLICY"),
    // Memory of maps is kept for the next ones (up to 1 GiB each, 4 GiB in all), in large pages, not given back and
    // cleared anew, page by page. All threads have it of one heap: those of other threads are emptied in any case.
    (
        "GLIBC_TUNABLES",
        "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1:\
         glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296",
        "MALLOC_ARENA_MAX",
    ),
];

/// What the environment of a program with LibTorch should have beyond this one's, so that it does well beside others: a
/// variable and its value. What the user set, here or in another way, is left alone.
pub fn habits() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_free = |name: &str| env::var_os(name).is_none();
    let free = HABITS.into_iter().filter(move |(name, _, other)| is_free(name) && is_free(other));
    free.map(|(name, value, _)| (name, value))
}

/// Checks that the program that went on as this one, if any did, was built from the same sources.
///
/// # Errors
/// If it was not: results would be those of another Kiln.
pub(super) fn check_sender() -> Result<()> {
    match env::var(SENDER) {
        Ok(sender) if sender != BUILD => {
            Err(Error::usage(format!("{NAME} was built from other sources than kiln"))
                .help("build it again with `cargo libtorch`"))
        }
        _ => Ok(()),
    }
}

/// Goes on as `kiln-libtorch` with this program's arguments, and comes back only with an error: when it is not
/// there, or libraries that it needs are not.
pub(super) fn go_on(device: DeviceName) -> Error {
    match program(device) {
        Ok(program) => {
            let mut command = Command::new(&program);
            command.args(env::args_os().skip(1)).env(SENDER, BUILD).envs(habits());
            let error = replace_by(&mut command);
            Error::io("start", &program, error)
        }
        Err(error) => error,
    }
}

#[cfg(unix)]
fn replace_by(command: &mut Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

#[cfg(not(unix))]
fn replace_by(command: &mut Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

/// Where it lies.
///
/// # Errors
/// If it is not there, or libraries that it needs are not.
pub(super) fn program(device: DeviceName) -> Result<PathBuf> {
    let this = env::current_exe().map_err(|error| Error::new("cannot find this program").because(error))?;
    let program = this.with_file_name(format!("{NAME}{}", env::consts::EXE_SUFFIX));
    if !program.is_file() {
        return Err(absent(device, &program));
    }
    let text = loader_says(&program)?;
    match missing(&text) {
        libraries if libraries.is_empty() => Ok(program),
        libraries => Err(without_libraries(&program, &libraries)),
    }
}

fn absent(device: DeviceName, program: &Path) -> Error {
    Error::usage(format!("the device `{device}` needs LibTorch, and there is no {}", program.display()))
        .help("build it with `cargo libtorch` (README, \"Devices\"), or use `--device cpu`")
}

fn without_libraries(program: &Path, libraries: &IndexSet<&str>) -> Error {
    let libraries = libraries.iter().copied().collect::<Vec<_>>().join(", ");
    Error::usage(format!("{} does not find {libraries}", program.display())).help(
        "put LibTorch back where Kiln was built (README, \"Devices\"), or let LD_LIBRARY_PATH name the `lib` folder \
         of another one of the same version",
    )
}

/// What the system's loader would load for `program`, a library a line, without running it: what `ldd` prints.
fn loader_says(program: &Path) -> Result<String> {
    if cfg!(not(target_os = "linux")) {
        return Ok(String::new());
    }
    let output = Command::new(program).env("LD_TRACE_LOADED_OBJECTS", "1").output();
    let output = output.map_err(|error| Error::io("start", program, error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The libraries that the loader did not find.
fn missing(text: &str) -> IndexSet<&str> {
    text.lines().filter_map(|line| line.trim().strip_suffix(" => not found")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_libraries_are_told() {
        let text = "\tlinux-vdso.so.1 (0x00007f27362e6000)\n\tlibtorch_cpu.so => not found\n\tlibc10.so => not found\n\
                    \tlibtorch_cpu.so => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x00007f26e5120000)\n";
        let libraries = missing(text);
        let error = without_libraries(Path::new("/bin/kiln-libtorch"), &libraries);
        insta::assert_snapshot!(error, @"/bin/kiln-libtorch does not find libtorch_cpu.so, libc10.so");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_program_that_was_not_built_is_told() {
        // Tests run in `deps/`, where it does not lie.
        insta::assert_snapshot!(program(DeviceName::Cuda(0)).unwrap_err().hint().unwrap_or_default(), @r#"build it with `cargo libtorch` (README, "Devices"), or use `--device cpu`"#);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_loader_finds_what_this_program_needs() {
        let text = loader_says(&env::current_exe().unwrap()).unwrap();
        assert!(text.contains("libc.so") && missing(&text).is_empty(), "{text}");
    }
}
