"""ONNX files that prepare images themselves, checked by `onnx` and run by ONNX Runtime on pixels as they are."""

import onnx_file
import numpy as np
from PIL import Image


def prepare(path, _size):
    """An image as [height, width, 3], bytes of red, green and blue."""
    return np.asarray(Image.open(path).convert("RGB"))


load = onnx_file.load
