//! What other programs call formats: the name that a format has here, or why there is none and what to do instead.

/// A word, and a format's name or a sentence. A name that no format has yet counts for nothing.
pub(super) const SPELLINGS: &[(&str, &str)] = &[
    ("torch", "torchscript"),
    ("torch_script", "torchscript"),
    ("jit", "torchscript"),
    ("litert", "tflite"),
    ("lite", "tflite"),
    ("tensorflow_lite", "tflite"),
    ("mlpackage", "coreml"),
    ("mlmodel", "coreml"),
    ("mlprogram", "coreml"),
    ("tensorflow", "saved_model"),
    ("tf", "saved_model"),
    ("graphdef", "pb"),
    ("tensorflowjs", "tfjs"),
    ("web", "tfjs"),
    ("pte", "executorch"),
    ("paddlepaddle", "paddle"),
    ("ir", "openvino"),
    ("pytorch", "pt"),
    ("pth", "pt"),
    ("state_dict", "pt"),
    ("bpk", "burnpack"),
    ("tensorrt", "engine"),
    ("trt", "engine"),
    ("edgetpu", "only Google's compiler writes it, from a network in 8 bits"),
    ("rockchip", "rknn"),
    ("metis", "axelera"),
    ("imx", "only Sony's converter writes it, from a network in 8 bits"),
    ("hailo", "only Hailo's compiler writes it, from `onnx`: name it by `external`"),
    ("qnn", "only Qualcomm's tools write it, from `onnx`: name it by `external`"),
    ("deepx", "only DeepX's compiler writes it, from `onnx`: name it by `external`"),
    ("ascend", "only Huawei's compiler writes it, from `onnx`: name it by `external`"),
    ("xilinx", "only AMD's compiler writes it, from `onnx`: name it by `external`"),
    ("coreai", "only Apple's own tools write it"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::export::Format;

    #[test]
    fn no_word_is_a_format_or_said_twice() {
        let words: BTreeSet<&str> = SPELLINGS.iter().map(|(word, _)| *word).collect();
        assert_eq!(words.len(), SPELLINGS.len());
        assert!(words.into_iter().all(|word| Format::named(word).is_none()));
    }
}
