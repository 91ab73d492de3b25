"""MNN files, run by MNN: by both of its interfaces, which must agree."""

import json

import MNN
import MNN.expr
import MNN.nn
import numpy as np

# What the two may differ by: they may add in another order.
ALIKE = 1e-5
# Else some processors compute in 16 bits.
EXACT = {"backend": "CPU", "precision": "high", "numThread": 1}


def module(path):
    runtime = MNN.nn.create_runtime_manager((EXACT,))
    net = MNN.nn.load_module_from_file(str(path), ["images"], ["output0"], runtime_manager=runtime)

    def run(images):
        entry = MNN.expr.const(images.ravel().tolist(), list(images.shape), MNN.expr.NCHW)
        return np.array(net.forward([entry])[0].read())

    return run, json.loads(net.get_info()["bizCode"])


def session(path, shape, classes):
    interpreter = MNN.Interpreter(str(path))
    session = interpreter.createSession(EXACT)
    entry, result = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
    interpreter.resizeTensor(entry, shape)
    interpreter.resizeSession(session)
    kind, order = MNN.Halide_Type_Float, MNN.Tensor_DimensionType_Caffe

    def run(images):
        entry.copyFrom(MNN.Tensor(shape, kind, images.ravel(), order))
        interpreter.runSession(session)
        host = MNN.Tensor((1, classes), kind, np.zeros((1, classes), np.float32), order)
        result.copyToHostTensor(host)
        return np.array(host.getData(), dtype=np.float32).reshape(1, classes)

    return run


def load(path):
    first, metadata = module(path)
    names = {int(index): name for index, name in metadata["names"].items()}
    height, size = metadata["imgsz"]
    second = session(path, (1, 3, height, size), len(names))

    def run(images):
        one, other = first(images), second(images)
        assert np.abs(one - other).max() < ALIKE, (one, other)
        return one[0]

    return names, size, run
