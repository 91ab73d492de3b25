//! Gives both programs the same mark of what they were built from, and lets the one with LibTorch find it again
//! without environment variables.

use std::{
    collections::BTreeSet,
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

#[path = "src/device/version.rs"]
mod version;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    mark();
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    // Set by `.cargo/config.toml` to the folder that the README's pip command fills.
    let Some(root) = env::var_os("LIBTORCH").map(PathBuf::from) else { return };
    if let Some(version) = version::version(&root) {
        println!("cargo:rustc-env=KILN_LIBTORCH={version}");
    }
    let lib = root.join("lib");
    if !lib.is_dir() {
        println!("cargo:warning=there is no LibTorch in {}", root.display());
        println!("cargo:warning=install it with: python3 -m pip install --target .libtorch torch==2.9.0");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}

/// Sets `KILN_BUILD` for the programs: a digest of all that they are made of.
fn mark() {
    let mut hasher = DefaultHasher::new();
    for path in ["Cargo.lock", "schemas", "src"] {
        println!("cargo:rerun-if-changed={path}");
        add(Path::new(path), &mut hasher);
    }
    println!("cargo:rustc-env=KILN_BUILD={:016x}", hasher.finish());
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    match fs::read_dir(path) {
        Ok(entries) => {
            let inside: BTreeSet<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            inside.iter().for_each(|path| add(path, hasher));
        }
        Err(_) => fs::read(path).unwrap_or_default().hash(hasher),
    }
}
