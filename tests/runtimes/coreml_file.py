"""Core ML packages, read by Apple's tools, which infer every type and shape anew, and computed with PyTorch.

Core ML itself runs on Apple's systems alone: this proves what a package says, not how it runs there.
"""

import ast

import coremltools
import numpy as np
import torch
from coremltools.converters.mil.frontend.milproto.load import load as load_program
from coremltools.libmodelpackage import ModelPackage

FUNCTIONS = torch.nn.functional


def tensor(value):
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))


def whole(values):
    return [int(value) for value in np.ravel(values)]


def conv(x, weight, bias, strides, pad_type, pad, dilations, groups):
    assert pad_type == "custom" and len(set(whole(pad))) == 1, (pad_type, pad)
    weight, bias = tensor(weight).to(x.dtype), tensor(bias).to(x.dtype)
    return FUNCTIONS.conv2d(x, weight, bias, whole(strides), whole(pad)[0], whole(dilations), int(groups))


def max_pool(x, kernel_sizes, strides, pad_type, pad, ceil_mode):
    assert pad_type == "custom" and len(set(whole(pad))) == 1 and not ceil_mode, (pad_type, pad)
    return FUNCTIONS.max_pool2d(x, whole(kernel_sizes), whole(strides), whole(pad)[0])


def matmul(x, y, transpose_x, transpose_y):
    return (x.mT if transpose_x else x) @ (y.mT if transpose_y else y)


def slice_by_index(x, begin, end, stride, begin_mask, end_mask, squeeze_mask=None):
    assert all(end_mask) and (squeeze_mask is None or not any(squeeze_mask)), (end, squeeze_mask)
    starts = [0 if masked else start for start, masked in zip(whole(begin), begin_mask)]
    return x[tuple(slice(start, None, step) for start, step in zip(starts, whole(stride)))]


def linear(x, weight, bias):
    return FUNCTIONS.linear(x, tensor(weight).to(x.dtype), tensor(bias).to(x.dtype))


OPERATIONS = {
    "add": lambda x, y: x + y,
    "cast": lambda x, dtype: x.to({"fp16": torch.float16, "fp32": torch.float32}[dtype]),
    "concat": lambda values, axis, interleave: torch.cat(values, int(axis)),
    "conv": conv,
    "linear": linear,
    "matmul": matmul,
    "max_pool": max_pool,
    "mul": lambda x, y: x * tensor(y).to(x.dtype),
    "reduce_mean": lambda x, axes, keep_dims: x.mean(whole(axes), keepdim=bool(keep_dims)),
    "relu": lambda x: FUNCTIONS.relu(x),
    "reshape": lambda x, shape: x.reshape(whole(shape)),
    "silu": lambda x: FUNCTIONS.silu(x),
    "slice_by_index": slice_by_index,
    "softmax": lambda x, axis: x.softmax(int(axis)),
    "split": lambda x, split_sizes, axis: x.split(whole(split_sizes), int(axis)),
    "transpose": lambda x, perm: x.permute(whole(perm)),
}


def load(path):
    model = coremltools.models.MLModel(path, skip_model_load=True)
    assert ModelPackage.isValid(path), path
    spec = model.get_spec()
    version = spec.specificationVersion
    program = load_program(spec, specification_version=version, file_weights_dir=model.weights_dir)
    operations = [it for it in program.functions["main"].operations if it.op_type != "const"]
    image = spec.description.input[0].type.imageType
    metadata = spec.description.metadata.userDefined
    assert [image.height, image.width] == ast.literal_eval(metadata["imgsz"]), metadata["imgsz"]

    def run(images):
        # Core ML takes pixels from 0 to 255.
        values = {"images": torch.from_numpy(images) * 255}

        def value(of):
            if isinstance(of, (list, tuple)):
                return [value(one) for one in of]
            return values[of.name] if of.name in values else of.val

        with torch.inference_mode():
            for it in operations:
                if it.op_type == "classify":
                    return value(it.inputs["probabilities"])[0].numpy()
                given = OPERATIONS[it.op_type](**{key: value(of) for key, of in it.inputs.items() if of is not None})
                for output, result in zip(it.outputs, given if isinstance(given, tuple) else [given]):
                    assert tuple(output.shape) == tuple(result.shape), (output.name, output.shape, result.shape)
                    values[output.name] = result
        raise AssertionError("nothing is classified")

    return ast.literal_eval(metadata["names"]), image.height, run
