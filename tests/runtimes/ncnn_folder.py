"""ncnn folders, run by ncnn on the CPU."""

from pathlib import Path

import ncnn
import numpy as np
import yaml


def load(path):
    net = ncnn.Net()
    # Else it keeps what it computes in 16 bits.
    net.opt.use_vulkan_compute = net.opt.use_bf16_storage = False
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    (layers,), (weights,) = (list(Path(path).glob(f"*.ncnn.{ending}")) for ending in ("param", "bin"))
    assert net.load_param(str(layers)) == 0 and net.load_model(str(weights)) == 0
    assert (net.input_names(), net.output_names()) == (["in0"], ["out0"]), (net.input_names(), net.output_names())
    metadata = yaml.safe_load((Path(path) / "metadata.yaml").read_text(encoding="utf-8"))

    def run(images):
        extractor = net.create_extractor()
        # Row by row, as ncnn takes it for granted; it does not keep alive what belongs to NumPy.
        image = np.ascontiguousarray(images[0])
        assert extractor.input("in0", ncnn.Mat(image).clone()) == 0
        status, probabilities = extractor.extract("out0")
        assert status == 0
        return np.array(probabilities)

    return metadata["names"], metadata["imgsz"][0], run
