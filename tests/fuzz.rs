//! Readers of what comes from outside, fed with damaged inputs: each ends in a value or an error, never in a panic, and soon.
//!
//! Inputs are fixtures, and files of `tests/fuzz/<reader>/`, with a few mutations each. `KILN_FUZZ_SECONDS` says how long each
//! reader is tried; the numbers are the same in every run, so that a longer run only goes further.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use kiln::{
    arch::Arch,
    data::decode::decode_bytes,
    nodes::KINDS,
    plan::load_source,
    random::Random,
    spec::{Source, render::Style},
    store::{Digest, Manifest},
    weights,
};

/// No input of at most a few thousand bytes may take longer, on a slow machine that is busy.
const TOO_LONG: Duration = Duration::from_secs(20);
/// Larger files of a folder are no seeds: they would only make each step slower.
const LARGEST: u64 = 1 << 16;

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The files of these folders whose names end in one of `ends`, in order.
fn seeds(folders: &[&str], ends: &[&str]) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(root(folder)).ok())
        .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("found-") || ends.iter().any(|end| name.ends_with(end))
        })
        .filter(|path| fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() <= LARGEST))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Reads every seed, and then mutations of them for as long as it is asked for.
fn fuzz(reader: &str, seeds: &[Vec<u8>], read: impl Fn(&[u8])) {
    assert!(!seeds.is_empty(), "no seeds for {reader}");
    let seconds = std::env::var("KILN_FUZZ_SECONDS").ok().map_or(1, |text| text.parse().unwrap());
    let (begun, mut number) = (Instant::now(), 0);
    let mut mutant = Vec::new();
    while number < seeds.len() || begun.elapsed() < Duration::from_secs(seconds) {
        let mut random = Random::new("fuzz", &[number as u64]);
        mutant.clone_from(&seeds[number % seeds.len()]);
        if number >= seeds.len() {
            let other = &seeds[random.below(seeds.len())];
            (0..=random.below(6)).for_each(|_| mutate(&mut mutant, other, &mut random));
        }
        let started = Instant::now();
        let ended = panic::catch_unwind(AssertUnwindSafe(|| read(&mutant)));
        if ended.is_err() || started.elapsed() > TOO_LONG {
            let path =
                root("tests/fuzz").join(reader).join(format!("found-{}", Digest::of_bytes(&mutant).short()));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &mutant).unwrap();
            panic!("{}: panicked {}, {:?}", path.display(), ended.is_err(), started.elapsed());
        }
        number += 1;
    }
    println!("{reader}: {number} inputs");
}

/// Numbers at which readers go wrong.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Changes one thing: a bit, a byte, a number, a piece lost, doubled, or taken from another seed.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.is_empty() {
        return bytes.extend_from_slice(other);
    }
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(16)).min(bytes.len());
    match random.below(7) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => {
            let (edge, width) = (EDGES[random.below(EDGES.len())], 1 << random.below(4));
            let number = if random.chance(0.5) {
                edge.to_le_bytes()
            } else {
                edge.rotate_left(8 * width as u32).to_be_bytes()
            };
            let number = &number[..width];
            bytes[at..].iter_mut().zip(number).for_each(|(byte, new)| *byte = *new);
        }
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].repeat(1 + random.below(40));
            bytes.splice(at..at, piece);
        }
        5 if !other.is_empty() => {
            let from = random.below(other.len());
            let piece = &other[from..(from + 1 + random.below(64)).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        _ => bytes.truncate(at),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads bytes as the file `name`.
fn file(name: &str, bytes: &[u8], read: impl Fn(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path);
}

#[test]
fn pipelines() {
    let dir = tempfile::tempdir().unwrap();
    let seeds = seeds(&["pipelines", "tests/fixtures/invalid", "tests/fuzz/pipelines"], &[".yaml"]);
    fuzz("pipelines", &seeds, |bytes| {
        if let Err(rejected) = load_source(Source::new("fuzz.yaml", text(bytes)), dir.path(), KINDS) {
            assert!(!rejected.human(Style::PLAIN).is_empty());
            assert!(!rejected.report().problems.is_empty());
        }
    });
}

#[test]
fn architectures() {
    let mut seeds = seeds(&["tests/fixtures/invalid_arch", "tests/fuzz/architectures"], &[".yaml"]);
    let built_in = kiln::arch::names();
    seeds.extend(
        built_in.iter().step_by(5).map(|name| Arch::built_in_text(name).unwrap().as_bytes().to_vec()),
    );
    fuzz("architectures", &seeds, |bytes| drop(Arch::parse("fuzz", &text(bytes), 10)));
}

#[test]
fn weights_of_pytorch() {
    let seeds = seeds(&["tests/fixtures/weights", "tests/fuzz/weights_of_pytorch"], &[".pt"]);
    fuzz("weights_of_pytorch", &seeds, |bytes| file("a.pt", bytes, |path| drop(weights::read(path))));
}

/// A small model in another format.
fn converted(to: impl Fn(&weights::ModelFile) -> kiln::error::Result<Vec<u8>>) -> Vec<u8> {
    to(&weights::read(&root("tests/fixtures/weights/bf16.pt")).unwrap()).unwrap()
}

#[test]
fn weights_as_safetensors() {
    let mut seeds = seeds(&["tests/fuzz/weights_as_safetensors"], &[".safetensors"]);
    seeds.push(converted(weights::to_bytes));
    fuzz("weights_as_safetensors", &seeds, |bytes| {
        file("a.safetensors", bytes, |path| drop(weights::read(path)));
    });
}

#[test]
fn weights_as_burnpack() {
    let mut seeds = seeds(&["tests/fuzz/weights_as_burnpack"], &[".bpk"]);
    seeds.push(converted(weights::to_burnpack));
    fuzz("weights_as_burnpack", &seeds, |bytes| file("a.bpk", bytes, |path| drop(weights::read(path))));
}

#[test]
fn images() {
    let ends = [".png", ".jpg", ".gif", ".tif", ".ico", ".jp2", ".j2k", ".webp", ".bmp", ".qoi"];
    let seeds = seeds(&["tests/fixtures/images", "tests/fuzz/images"], &ends);
    fuzz("images", &seeds, |bytes| drop(decode_bytes(bytes, Path::new("fuzz"))));
}

#[test]
fn records() {
    let seeds = seeds(&["tests/fuzz/records"], &[".json"]);
    fuzz("records", &seeds, |bytes| drop(Manifest::from_json(&text(bytes))));
}
