//! What is written of a small network, what is read of it again, and what is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    export::{
        Engine as _, Precision,
        lowered::{BatchDimension, Lowered},
        test_support::{every_operator, probabilities},
    },
    weights::Script,
};

fn metadata() -> String {
    json!({"imgsz": [8, 8], "channels": 4}).to_string()
}

fn network(half: bool) -> Lowered {
    let lowered = every_operator(BatchDimension::Any);
    if half { lowered.in_half().unwrap() } else { lowered }
}

fn script(half: bool) -> Script {
    code::script(network(half), metadata())
}

#[test]
fn code_says_what_is_done() {
    let code = script(true).code;
    for line in [
        "a = torch.conv2d(images, torch.to(self.a_weight, 6), self.a_bias, [2, 2], [1, 1], [1, 1], 1)",
        "a_act = torch.silu(a)",
        "d_1 = torch.slice(torch.slice(images, 2, 0, None, 2), 3, 1, None, 2)",
        "g_2, g_3, g_4, = torch.split_with_sizes(g_1, [1, 1, 2], 3)",
        "f = torch.cat([e_3, c_2], 1)",
        "g_6 = torch.matmul(torch.transpose(g_5, -2, -1), g_3)",
        "h = torch.mean(g_10, [2, 3])",
        "return output0",
    ] {
        assert!(code.contains(&format!("    {line}\n")), "{line} is not in {code}");
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    for half in [false, true] {
        let read = exported(&script(half).to_bytes().unwrap()).unwrap().network;
        let in_half = read.constants.iter().filter(|constant| constant.precision == Precision::Fp16);
        assert_eq!(in_half.count(), if half { 6 } else { 0 });
        assert_eq!(read.batch, BatchDimension::Any);
        assert_eq!(probabilities(read), probabilities(network(half)));
    }
}

/// Why a program is refused after `old` became `new` in its code.
fn reason(old: &str, new: &str) -> String {
    let mut script = script(false);
    assert!(script.code.contains(old), "{old}");
    script.code = script.code.replacen(old, new, 1);
    exported(&script.to_bytes().unwrap()).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    assert_eq!(reason("torch.silu(", "torch.gelu("), "a_act: Kiln doesn't know torch.gelu of these");
    assert_eq!(
        reason("[2, 2], [1, 1], 4)", "[2, 2], [2, 2], 4)"),
        "c: Kiln doesn't know torch.conv2d of these"
    );
    assert_eq!(
        reason(", -2, -1)", ", -3, -1)"),
        "torch.matmul: Kiln doesn't know torch.transpose of other dimensions than the last"
    );
    assert_eq!(reason("torch.relu(c)", "torch.relu(cc)"), "nothing that is called \"cc\" was made before");
    assert_eq!(reason("self.b_weight", "self.a_weight"), "there is no a_weight, or it is used twice");
    assert_eq!(reason("    a = ", "    images = "), "two tensors are called images");
    assert_eq!(reason("return output0", "return g_6"), "g_6 is not one number for each class");
    assert_eq!(reason("forward", "backward"), "its code is not of the plain kind that Kiln writes");
    let loops = reason("    a_act = ", "    for i in range(9):\n    a_act = ");
    assert_eq!(loops, "its code has a statement of a kind that Kiln does not write: \"for i in range(9):\"");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens to a file, it is refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = script(false).to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(Exported { network, .. }) = exported(&bytes) {
            let _ = TORCHSCRIPT.engine(network).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }

    /// The archive has checksums: what is damaged in its code is seen by nobody else.
    #[test]
    fn damaged_code_never_panics(at in any::<prop::sample::Index>(), byte in prop::sample::select(b" ,.()[]=-1aN\n".to_vec())) {
        let mut script = script(false);
        let at = at.index(script.code.len());
        script.code.replace_range(at..=at, std::str::from_utf8(&[byte]).unwrap());
        if let Ok(network) = read::network(script, &Told::from_json(&metadata()).unwrap()) {
            let _ = TORCHSCRIPT.engine(network).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }
}
