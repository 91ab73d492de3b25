//! Lets a program that was built with LibTorch find it again without environment variables.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    // Set by `.cargo/config.toml` to the folder that the README's pip command fills.
    let Some(root) = env::var_os("LIBTORCH").map(PathBuf::from) else { return };
    let lib = root.join("lib");
    if !lib.is_dir() {
        println!("cargo:warning=there is no LibTorch in {}", root.display());
        println!("cargo:warning=install it with: python3 -m pip install --target .libtorch torch==2.9.0");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}
