//! Convolutions of a network that only infers, on LibTorch's CPU: the weight lies packed as oneDNN likes it, once and not
//! at each call, and SiLU is applied before a map is written.
//!
//! LibTorch has them for its own compiler, and tch has no function for that: a program of TorchScript calls it.

use std::{
    io::{Cursor, Write as _},
    sync::OnceLock,
};

use tch::{CModule, Device, IValue, Kind, Tensor, utils::has_mkldnn};
use zip::{CompressionMethod, ZipWriter, result::ZipResult, write::SimpleFileOptions};

use crate::network::kernels::Geometry;

/// The program. A weight may be `[c2, c1, height, width]` or packed.
const CODE: &str = r#"class Fused(Module):
  __parameters__ = []
  __buffers__ = []
  def pack(self: __torch__.Fused,
    weight: Tensor,
    stride: int,
    padding: int,
    groups: int) -> Tensor:
    return ops.mkldnn._reorder_convolution_weight(weight, [padding, padding], [stride, stride], [1, 1], groups)
  def convolution(self: __torch__.Fused,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    stride: int,
    padding: int,
    groups: int,
    activation: str) -> Tensor:
    none = annotate(List[Optional[number]], [])
    return ops.mkldnn._convolution_pointwise(x, weight, bias, [padding, padding], [stride, stride], [1, 1], groups, activation, none, "")
"#;

/// What TorchScript reads beside the code: an object of the class, without any attribute, and no constants, as pickles.
const OBJECT: &[u8] = b"\x80\x02c__torch__\nFused\n)\x81}b.";
const CONSTANTS: &[u8] = b"\x80\x02).";

/// The weight `[c2, c1 / groups, height, width]` packed, where this LibTorch can.
pub(super) fn packed(weight: &Tensor, geometry: Geometry) -> Option<Tensor> {
    let can = weight.device() == Device::Cpu && weight.kind() == Kind::Float;
    let mut arguments = vec![IValue::Tensor(weight.shallow_clone())];
    arguments.extend(numbers(geometry));
    match program().filter(|_| can)?.method_is("pack", &arguments) {
        Ok(IValue::Tensor(packed)) => Some(packed),
        _ => None,
    }
}

/// Convolution of `x` with a packed weight, then a bias `[c2]`, then SiLU if `activated`.
pub(super) fn convolution(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    geometry: Geometry,
    activated: bool,
) -> Tensor {
    let program = program().expect("it packed the weight");
    let mut arguments = Vec::from([x, weight, bias].map(|tensor| IValue::Tensor(tensor.shallow_clone())));
    arguments.extend(numbers(geometry));
    arguments.push(IValue::String(if activated { "swish" } else { "none" }.to_owned()));
    let y = program.method_is("convolution", &arguments).expect("LibTorch can convolve");
    Tensor::try_from(y).expect("the program gives a tensor")
}

fn numbers(Geometry { stride, padding, groups }: Geometry) -> [IValue; 3] {
    [stride, padding, groups].map(|number| IValue::Int(number as i64))
}

/// The program, read once; none where this LibTorch does not have what it calls.
fn program() -> Option<&'static CModule> {
    static PROGRAM: OnceLock<Option<CModule>> = OnceLock::new();
    let load = || CModule::load_data(&mut Cursor::new(archive().ok()?)).ok();
    PROGRAM.get_or_init(|| has_mkldnn().then(load).flatten()).as_ref()
}

/// The file that TorchScript reads.
fn archive() -> ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let files: [(&str, &[u8]); 4] = [
        ("fused/data.pkl", OBJECT),
        ("fused/code/__torch__.py", CODE.as_bytes()),
        ("fused/constants.pkl", CONSTANTS),
        ("fused/version", b"3\n"),
    ];
    for (name, content) in files {
        let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(name, plain)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_weight_convolves_as_it_did() {
        let random = |shape: &[i64]| Tensor::rand(shape, (Kind::Float, Device::Cpu)) - 0.5;
        for (channels, kernel, geometry) in [
            ([6, 8], 3, Geometry { stride: 2, padding: 1, groups: 1 }),
            ([8, 8], 3, Geometry { stride: 1, padding: 1, groups: 8 }),
            ([16, 4], 1, Geometry { stride: 1, padding: 0, groups: 1 }),
        ] {
            let [c1, c2] = channels;
            let groups = geometry.groups as i64;
            let x = random(&[3, 9, 10, c1]).permute([0, 3, 1, 2]);
            let (weight, bias) = (random(&[c2, c1 / groups, kernel, kernel]), random(&[c2]));
            let [stride, padding] = [geometry.stride as i64, geometry.padding as i64];
            let plain = x.conv2d(&weight, Some(&bias), [stride; 2], [padding; 2], [1, 1], groups);
            let packed = packed(&weight, geometry).expect("LibTorch for x86-64 has it");
            for (activated, wanted) in [(false, plain.shallow_clone()), (true, plain.silu())] {
                let given = convolution(&x, &packed, &bias, geometry, activated);
                assert!(given.permute([0, 2, 3, 1]).is_contiguous(), "channels-last");
                let off = (given - wanted).abs().max().double_value(&[]);
                assert!(off < 1e-5, "{geometry:?}: off by {off}");
            }
        }
    }
}
