//! The binary again, linked with LibTorch: `kiln` goes on as this one when a node computes on LibTorch's devices.

use std::process::ExitCode;

fn main() -> ExitCode {
    kiln::cli::main()
}
