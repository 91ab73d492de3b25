//! Files of weights that were made to hurt: each ends in one error, whatever it claims, in little memory.
//!
//! The memory is held by the system: the program runs with a limit, and is ended if it asks for more.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{Cursor, Write as _},
    path::Path,
    process::Command,
};

use tempfile::TempDir;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The most memory that the program gets for its data, in kilobytes.
const MEMORY: u32 = 200_000;
/// Seconds of computing after which it is ended; a good build needs less than one.
const SECONDS: u32 = 20;

/// What the program says of a file of these bytes.
fn told(bytes: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hostile.pt");
    fs::write(&path, bytes).unwrap();
    inspect(&path)
}

fn inspect(path: &Path) -> String {
    let limits = format!("ulimit -d {MEMORY}; ulimit -t {SECONDS}; exec \"$0\" inspect \"$1\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(limits).arg(env!("CARGO_BIN_EXE_kiln")).arg(path).env("RAYON_NUM_THREADS", "2");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{}: {text}", output.status);
    assert!(text.len() < 1000, "{} characters", text.len());
    text
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    let told = told(bytes);
    assert!(told.contains(reason), "{told}");
}

// ---- PyTorch's archives ----

fn archive<B: AsRef<[u8]>>(entries: &[(&str, B)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(format!("archive/{name}"), stored).unwrap();
        zip.write_all(bytes.as_ref()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive of a pickle of these pieces and one storage, `0`, of six numbers.
fn pickled(pieces: &[&[u8]]) -> Vec<u8> {
    let pickle = [b"\x80\x02", &pieces.concat()[..], b"."].concat();
    archive(&[("data.pkl", &pickle[..]), ("data/0", &[0; 24])])
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(number: u32) -> Vec<u8> {
    [b"J", &number.to_le_bytes()[..]].concat()
}

/// A view of a storage of six numbers: of no number, or of many.
fn tensor(key: &str, count: u32) -> Vec<u8> {
    let storage = [
        b"(".as_slice(),
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text(key),
        &text("cpu"),
        &int(6),
        b"tQ",
    ];
    let sizes = [b"(".as_slice(), &int(count), b"t(", &int(0), b"t"].concat();
    let args = [&storage.concat()[..], &int(0), &sizes, b"\x89N"].concat();
    [b"ctorch._utils\n_rebuild_tensor_v2\n(".as_slice(), &args, b"tR"].concat()
}

/// More than a pickle may have, less than 16 MiB.
fn much_of(piece: &[u8]) -> Vec<u8> {
    piece.repeat((15 << 20) / piece.len())
}

#[test]
fn pickles_that_make_much_of_little() {
    let long_name = [&text(&"n".repeat(500))[..], b"q\0"].concat();
    for (start, again) in [
        (&b""[..], &b"N"[..]),
        (b"", b"("),
        (b"N", b"\x94"),
        (b"N", b")R"),
        (b"]", b"(NNe"),
        (b"}", b"NNs"),
        (&long_name, b"h\0h\0\x93"),
    ] {
        refused(&pickled(&[start, &much_of(again)]), "more values than in any model");
    }
    refused(
        &pickled(&[&much_of(b"]")[..1_000_000], &b"a".repeat(999_999)]),
        "it has no network and no weights",
    );
    refused(&pickled(&[b"T\xff\xff\xff\x7f", &much_of(b"x")]), "its pickle breaks off");
    refused(&pickled(&[&much_of(b"\x8b\0\0\0\0"), b"0"]), "more values than in any model");
    refused(&pickled(&[&much_of(b"x"), &much_of(b"x")]), "more than 16777216");
}

/// `module` with these entries in its state.
fn module(entries: &[u8]) -> Vec<u8> {
    [b"ctorch.nn\nM\n)R}(".as_slice(), entries, b"ub"].concat()
}

#[test]
fn parts_that_very_many_others_share() {
    // A state of a hundred thousand entries, of nine thousand modules: each is looked through.
    let keys = [&text("_modules")[..], b"q\x01", &text("k"), b"q\x02"].concat();
    let leaf =
        [&module(&[b"h\x01}".as_slice(), &b"h\x02h\x02".repeat(100_000)].concat())[..], b"q\x03"].concat();
    let children: Vec<u8> = (0..9000).flat_map(|i| [&text(&i.to_string())[..], b"h\x03"].concat()).collect();
    let root = module(&[b"h\x01}(".as_slice(), &children, b"u"].concat());
    refused(&pickled(&[&keys, b"00", &leaf, b"0", &root]), "more nested parts than any model");
    // A persistent id of very many parts, shared by very many tensors.
    let id = [b"(".as_slice(), &b"N".repeat(200_000), b"tQq\x01"].concat();
    let view = b"ctorch._utils\n_rebuild_tensor_v2\n(h\x01NNNtR".as_slice();
    let dict: Vec<u8> = (0..20_000).flat_map(|i| [&text(&i.to_string())[..], view].concat()).collect();
    refused(&pickled(&[&id, b"0}(", &dict, b"u"]), "a tensor without a storage");
    // A long name before very many.
    let leaf = module(&[&text("_parameters")[..], b"}(", &named_tensors(4000), b"u"].concat());
    let modules: Vec<u8> =
        (0..90).flat_map(|i| [&text(&format!("{i}{}", "n".repeat(900)))[..], b"h\x01"].concat()).collect();
    let root = module(&[&text("_modules")[..], b"}(", &modules, b"u"].concat());
    refused(&pickled(&[&leaf, b"q\x010", &root]), "names that are too long");
}

fn named_tensors(count: usize) -> Vec<u8> {
    let first = [&text("0")[..], &tensor("0", 0), b"q\x05"].concat();
    let others = (1..count).flat_map(|i| [&text(&i.to_string())[..], b"h\x05"].concat());
    first.into_iter().chain(others).collect()
}

#[test]
fn views_of_more_than_there_is() {
    let one = |tensor: &[u8]| pickled(&[b"}(", &text("a"), tensor, b"u"]);
    refused(&one(&tensor("0", i32::MAX as u32)), "more elements than the file");
    refused(&one(&tensor("../../etc/passwd", 1)), "its archive has no archive/data/../../etc/passwd");
    refused(&one(&tensor(&"k".repeat(1 << 20), 1)), "its archive has no archive/data/kkk");
    // Nine views of a thousand numbers each, of one.
    let views: Vec<u8> =
        (0..9).flat_map(|i| [&text(&i.to_string())[..], &tensor("0", 1000)].concat()).collect();
    refused(&pickled(&[b"}(", &views, b"u"]), "more elements than the file");
}

/// An entry in the list at an archive's end: where it lies and how long it claims to be.
fn listed(name: &str, size: u32, at: u32) -> Vec<u8> {
    let mut entry = b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\x21\0\0\0\0\0".to_vec();
    for number in [size, size] {
        entry.extend(number.to_le_bytes());
    }
    entry.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
    entry.extend([0; 10]);
    entry.extend(at.to_le_bytes());
    entry.extend(name.as_bytes());
    entry
}

/// An archive of these bytes and a list of this many entries.
fn with_list(body: &[u8], list: &[u8], count: u64) -> Vec<u8> {
    let at = body.len() as u64;
    let mut end = b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0".to_vec();
    for number in [count, count, list.len() as u64, at] {
        end.extend(number.to_le_bytes());
    }
    end.extend(b"PK\x06\x07\0\0\0\0");
    end.extend((at + list.len() as u64).to_le_bytes());
    end.extend(b"\x01\0\0\0PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    [body, list, &end].concat()
}

const LOCAL: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0archive/data.pkl";

#[test]
fn lists_of_entries_that_lie() {
    let name = "archive/data.pkl";
    let one = |size: u32| with_list(LOCAL, &listed(name, size, 0), 1);
    refused(&one(0), "its pickle breaks off");
    refused(&one(u32::MAX - 1), "entries that are larger than the file");
    let many: Vec<u8> = (0..300_000).flat_map(|i| listed(&i.to_string(), 0, 0)).collect();
    refused(&with_list(LOCAL, &many, 300_000), "a list of entries that is longer than any model's");
    refused(&with_list(LOCAL, &listed(name, 0, 0), u64::MAX), "no readable end");
    // Ends of archives in very great number, each of them wrong.
    let ends = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\x08\0\0\0\0\0".repeat(700_000);
    refused(&[b"PK\x03\x04\0\0\0\0PK\x01\x02", &ends[..]].concat(), "it ");
}

#[test]
fn entries_that_overlap() {
    // Very many storages that are one and the same megabyte.
    let size = 1 << 20;
    let view = |i: u32| {
        let storage =
            [&text("storage")[..], b"ctorch\nByteStorage\n", &text(&i.to_string()), &text("cpu"), &int(size)];
        let args =
            [b"((".as_slice(), &storage.concat(), b"tQ", &int(0), b"(", &int(0), b"t(", &int(1), b"t\x89Nt"];
        [&text(&i.to_string())[..], b"ctorch._utils\n_rebuild_tensor_v2\n", &args.concat(), b"R"].concat()
    };
    let views: Vec<u8> = (0..500).flat_map(view).collect();
    let pickle = [b"\x80\x02}(".as_slice(), &views, b"u."].concat();
    let mut body = LOCAL.to_vec();
    body.extend(&pickle);
    let numbers = u32::try_from(body.len()).unwrap();
    body.extend(LOCAL);
    body.extend(vec![0; size as usize]);
    let length = u32::try_from(pickle.len()).unwrap();
    let mut list = listed("archive/data.pkl", length, 0);
    list.extend((0..500).flat_map(|i| listed(&format!("archive/data/{i}"), size, numbers)));
    // Checksums are wrong or the budget is spent: either way before much is read.
    refused(&with_list(&body, &list, 501), "can't be read");
}

#[test]
fn descriptions_that_become_large() {
    let dict = [&b"\x80\x02}("[..], &named_tensors(1), b"u."].concat();
    let described = |json: String| {
        archive(&[("data.pkl", &dict[..]), ("data/0", &[0; 24]), ("kiln.json", json.as_bytes())])
    };
    refused(&described(format!("[{}0]", "[],".repeat(5_000_000))), "more than 500000 values");
    refused(&described("[".repeat(10_000_000)), "recursion limit exceeded");
    refused(
        &described(format!("{{\"format\":1,\"names\":[\"{}\"]}}", "n".repeat(17 << 20))),
        "bytes, more than",
    );
    refused(&described("{\"format\":1,\"size\":99999999999}".to_owned()), "an image size that can't be");
}

// ---- the format of before 1.6 ----

fn legacy(saved: &[u8], keys: &[u8], storages: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    let system = [b"\x80\x02}(".as_slice(), &text("little_endian"), b"\x88u."].concat();
    [magic, &system[..], b"\x80\x02", saved, b".\x80\x02", keys, b".", storages].concat()
}

#[test]
fn old_files_that_claim_too_much() {
    let saved = [b"}(".as_slice(), &text("a"), &tensor("0", 1), b"u"].concat();
    let key = [b"(".as_slice(), &text("0"), b"l"].concat();
    refused(&legacy(&saved, &key, &u64::MAX.to_le_bytes()), "its storages break off");
    refused(&legacy(&saved, &key, &(1_u64 << 40).to_le_bytes()), "its storages break off");
    refused(
        &legacy(&saved, &[b"(", &much_of(b"N")[..], b"l"].concat(), b""),
        "more values than in any model",
    );
    let keys = [b"(".as_slice(), &text("0"), b"q\0", &b"h\0".repeat(1_000_000), b"l"].concat();
    refused(&legacy(&saved, &keys, &[0; 1000]), "it ");
    refused(&legacy(&[b"N", &much_of(b")R")[..]].concat(), &key, b""), "more values than in any model");
}

// ---- safetensors ----

fn safetensors(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

#[test]
fn headers_of_very_many_arrays() {
    let empty = |i: usize| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    let arrays = |count: usize| (0..count).map(empty).collect::<Vec<_>>().join(",");
    refused(&safetensors(&format!("{{{}}}", arrays(1_000_000))), "a header that is longer than any model's");
    refused(&safetensors(&format!("{{{}}}", arrays(200_000))), "more than 500000 values");
    refused(&safetensors(&format!("{{{}}}", arrays(30_000))), "more arrays than any network");
    let deep = format!("{{\"a\":{}", "[".repeat(10_000_000));
    refused(&safetensors(&deep), "recursion limit exceeded");
    let wide = format!(
        "{{\"a\":{{\"dtype\":\"F32\",\"shape\":[{}0],\"data_offsets\":[0,0]}}}}",
        "1,".repeat(400_000)
    );
    refused(&safetensors(&wide), "more dimensions than any network's");
    let huge = "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,18446744073709551615]}}";
    refused(&safetensors(huge), "its safetensors header is wrong");
    let overlap = "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}";
    refused(&[&safetensors(overlap)[..], &[0; 8]].concat(), "invalid offset");
    refused(&[&(1_u64 << 39).to_le_bytes()[..], b"{}"].concat(), "a header that is longer than any model's");
}

// ---- burnpack ----

#[test]
fn burnpacks_that_claim_too_much() {
    let pack = |size: u32, metadata: &[u8]| [b"NRUB\x01\0", &size.to_le_bytes()[..], metadata].concat();
    refused(&pack(90 << 20, b"\xa0"), "a list of arrays that is longer than any model's");
    refused(&pack(7 << 20, b"\xa0"), "its list of arrays breaks off");
    let whole = |metadata: &[u8]| pack(u32::try_from(metadata.len()).unwrap(), metadata);
    refused(&whole(&b"\x81".repeat(8 << 20)), "it is damaged: as a burnpack file");
    // Texts, lists and maps of 2⁶³ parts.
    for huge in [
        b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
    ] {
        refused(&whole(&[b"\xa1\x67tensors".as_slice(), huge].concat()), "it is damaged: as a burnpack file");
    }
    // A shape of seven million dimensions.
    let shape = [
        b"\xa1\x67tensors\xa1\x61a\xa3\x65dtype\x63F32\x65shape\x9f".as_slice(),
        &b"\x01".repeat(7 << 20),
        b"\xff\x6cdata_offsets\x82\0\x04",
    ]
    .concat();
    refused(&whole(&shape), "it ");
}
