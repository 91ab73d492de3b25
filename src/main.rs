//! The binary: a frame around the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kiln::cli::main()
}
