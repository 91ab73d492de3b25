"""Checks a `.pt` that Kiln exported with PyTorch: python3 tests/pt_check.py MODEL.pt MODEL.safetensors

`torch.load` must read it without running anything, and give the numbers of the safetensors file, bit for bit.
"""

import json
import struct
import sys

import torch


def safetensors(path):
    """Name to (shape, bytes), from the format's definition: a length, a JSON header, the bytes."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    assert all(entry["dtype"] == "F32" for entry in header.values())
    return {name: (entry["shape"], data[slice(*entry["data_offsets"])]) for name, entry in header.items()}


def main(exported, original):
    for mapped in [False, True]:
        state = torch.load(exported, weights_only=True, mmap=mapped)
        expected = safetensors(original)
        assert list(state) == sorted(expected), "the names differ"
        for name, tensor in state.items():
            shape, data = expected[name]
            assert tensor.dtype == torch.float32 and list(tensor.shape) == shape and tensor.is_contiguous(), name
            assert tensor.numpy().tobytes() == data, f"{name} differs"
    # BatchNorm's counters, which Kiln leaves out, are not missed where a network loads the state.
    norm = {name.removeprefix("model.0.bn."): t for name, t in state.items() if name.startswith("model.0.bn.")}
    print(torch.nn.BatchNorm2d(len(norm["weight"])).load_state_dict(norm, strict=True))
    print(f"{len(state)} tensors, equal bit for bit")


main(*sys.argv[1:])
