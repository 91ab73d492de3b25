"""ONNX files, checked by `onnx` and run by ONNX Runtime."""

import ast

import onnx
import onnxruntime


def load(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    assert 13 <= opset <= 21, f"opset {opset}"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,), (result,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, result.name) == ("images", "output0"), (entry.name, result.name)
    metadata = session.get_modelmeta().custom_metadata_map
    height, size = ast.literal_eval(metadata["imgsz"])
    # Pixels may be of any height and width.
    assert height == size and entry.shape[1:] in ([3, size, size], ["height", "width", 3]), (metadata["imgsz"], entry.shape)
    return ast.literal_eval(metadata["names"]), size, lambda images: session.run(None, {"images": images})[0][0]
