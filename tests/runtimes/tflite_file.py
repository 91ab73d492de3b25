"""LiteRT files, run by LiteRT: as it is, and with its plain reference operators, which must agree."""

import json
import zipfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

# What the two may differ by: the quick operators add in another order.
ALIKE = 1e-4


def interpreter(path, **options):
    interpreter = Interpreter(path, **options)
    interpreter.allocate_tensors()
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(images):
        interpreter.set_tensor(entry["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])[0]

    return run, entry, result


def load(path):
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    height, size = metadata["imgsz"]
    quick, entry, result = interpreter(path)
    plain, _, _ = interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    assert (entry["name"], result["name"]) == ("images", "output0"), (entry["name"], result["name"])
    last = metadata["kiln"]["preprocessing"]["layout"] == "NHWC"
    assert list(entry["shape"]) == ([1, height, size, 3] if last else [1, 3, height, size]), entry["shape"]

    def run(images):
        images = images.transpose(0, 2, 3, 1) if last else images
        first, second = quick(images), plain(images)
        assert np.abs(first - second).max() < ALIKE, (first, second)
        return first

    return {int(index): name for index, name in metadata["names"].items()}, size, run
