"""Paddle folders, run by Paddle Inference on the CPU."""

from pathlib import Path

import paddle.inference
import yaml


def load(path):
    (program,), (parameters,) = (list(Path(path).glob(f"*.{ending}")) for ending in ("json", "pdiparams"))
    config = paddle.inference.Config(str(program), str(parameters))
    config.disable_gpu()
    config.disable_glog_info()
    predictor = paddle.inference.create_predictor(config)
    (entry,), (result,) = predictor.get_input_names(), predictor.get_output_names()
    assert entry == "images", entry
    metadata = yaml.safe_load((Path(path) / "metadata.yaml").read_text(encoding="utf-8"))

    def run(images):
        predictor.get_input_handle(entry).copy_from_cpu(images)
        predictor.run()
        return predictor.get_output_handle(result).copy_to_cpu()[0]

    return metadata["names"], metadata["imgsz"][0], run
