"""OpenVINO folders, run by OpenVINO on the CPU."""

from pathlib import Path

import openvino
import yaml


def load(path):
    (network,) = Path(path).glob("*.xml")
    core = openvino.Core()
    model = core.read_model(network)
    (entry,), (result,) = model.inputs, model.outputs
    assert (entry.any_name, result.any_name) == ("images", "output0"), (entry.any_name, result.any_name)
    # Else it computes in 16 bits where the processor is quicker with them.
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    metadata = yaml.safe_load((Path(path) / "metadata.yaml").read_text(encoding="utf-8"))
    height, size = metadata["imgsz"]
    assert height == size == entry.partial_shape[3].get_length(), (metadata["imgsz"], entry.partial_shape)
    return metadata["names"], size, lambda images: compiled(images)[0][0]
