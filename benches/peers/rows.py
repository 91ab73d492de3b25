"""What is compared: one row, one kind of work, and a command for each that does it."""

import dataclasses
import os
import pathlib
import subprocess
from typing import Callable

from measure import Contender

HERE = pathlib.Path(__file__).resolve().parent


class Bench:
    """What all rows share: where things lie, and how long is measured."""

    def __init__(self, folder, environment, kiln, seconds, compile_):
        self.folder, self.environment, self.kiln = folder, environment, kiln
        self.seconds, self.compile = str(seconds), compile_
        self.data, self.models = folder / "data", folder / "models"

    def prepare(self):
        """Images, and a trained model with its ONNX files; what is there already stays."""
        if not (self.data / "many").exists() and not self.environment.fault("torch"):
            subprocess.run([self.environment.python, HERE / "data.py", self.data], check=True)
        self.models.mkdir(exist_ok=True)
        pipeline = self.models / "models.yaml"
        pipeline.write_text(MODELS.format(data=self.kiln.root / "examples/data/mnist160"))
        own = ["--store", self.models / "store", "--out", self.models / "out", "--progress", "quiet"]
        subprocess.run([self.kiln.kiln, "run", pipeline, *own], check=True)

    def model(self, name):
        return self.models / "out" / name

    def python(self, peer, column, name, *words, **more):
        """A Python program of this folder, as a contender."""
        command = [self.environment.python, HERE / words[0], *words[1:]]
        return Contender(column, name, command, fault=self.environment.fault(peer), **more)

    def yolo(self, *words):
        """The `yolo` command, without asking any server for anything."""
        quiet = {"YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(self.folder), "YOLO_AUTOINSTALL": "false"}
        command = [self.environment.folder / "bin/yolo", *words, "project={fresh}", "device=cpu"]
        return Contender("peer", "yolo", command, environment=quiet, fault=self.environment.fault("ultralytics"))

    def peers(self, verb, *words, **more):
        """Kiln's twin on each device."""
        return [
            Contender(device, f"Kiln {device}", [self.kiln.peers(device), verb, device, *words], **more)
            for device in self.kiln.devices()
        ]

    def kilns(self, *words, devices=None, **more):
        """The program on each device, with a store and results of its own."""
        own = ["--store", "{fresh}/store", "--out", "{fresh}/out", "--progress", "quiet"]
        command = [self.kiln.kiln, *words, *own]
        devices = devices or self.kiln.devices()
        return [Contender(device, f"Kiln {device}", [*command, "--device", device], **more) for device in devices]


# One epoch teaches little; how fast a network is does not depend on what it learnt.
MODELS = """\
version: 1
name: models
nodes:
  images: {{ type: dataset, root: "{data}" }}
  prep: {{ type: transforms, size: 64 }}
  net: {{ type: model, arch: yolo11n-cls, dataset: images }}
  fit: {{ type: train, model: net, dataset: images, transforms: prep, epochs: 1 }}
  onnx64: {{ type: export, model: fit, format: onnx, size: 64, dynamic_batch: true }}
  onnx224: {{ type: export, model: fit, format: onnx, size: 224, dynamic_batch: true }}
"""


MANY = """\
version: 1
name: many
nodes:
  images: {{ type: dataset, root: "{data}" }}
"""


@dataclasses.dataclass
class Row:
    name: str
    title: str
    contenders: Callable[[Bench], list]
    # On libtorch / on cpu: how many times as fast as the peer, or how fast.
    goals: str
    is_rate: bool = True
    # How often each has its turn, if not as asked.
    rounds: int = 0


def training(size, batch, goals):
    def contenders(bench):
        words = [str(size), str(batch), bench.seconds]
        name, how = ("torch.compile", ["compile"]) if bench.compile else ("PyTorch eager", [])
        return [bench.python("torch", "peer", name, "step.py", "cpu", *words, *how), *bench.peers("step", *words)]

    return Row(f"train-{size}-{batch}", f"training step, {size} px, batch {batch}; PyTorch", contenders, goals)


def inference(size, batch, goals):
    def contenders(bench):
        words = [str(size), str(batch), bench.seconds]
        onnx = bench.model(f"onnx{size}") / "model.onnx"
        return [
            bench.python("torch", "peer", "PyTorch fused", "infer.py", *words),
            bench.python("onnxruntime", "second", "ONNX Runtime", "ort.py", onnx, *words),
            *bench.peers("infer", bench.model("fit") / "model.safetensors", *words),
        ]

    return Row(f"infer-{size}-{batch}", f"inference, {size} px, batch {batch}; PyTorch, norms folded", contenders, goals)


def loading(chain, goals):
    def contenders(bench):
        words = [bench.data / "photos", chain, bench.seconds]
        twin = [bench.kiln.peers("cpu"), "load", *words]
        return [
            bench.python("torch", "peer", "torchvision", "load.py", *words, pinned=True),
            Contender("cpu", "Kiln", twin, pinned=True, fault="" if words[0].exists() else "there are no images"),
        ]

    return Row(f"load-{chain}", f"loader, one processor, 500×375 JPEG to 224, {chain} chain; torchvision", contenders, goals)


def whole_training(bench):
    words = ["imgsz=64", "batch=64", "epochs=2", "plots=False"]
    yolo = bench.yolo("classify", "train", f"data={bench.data / 'small'}", "model=yolo11n-cls.yaml", *words)
    kiln = ["train", "--data", bench.data / "small", "--size", "64", "--batch", "64", "--epochs", "2"]
    return [yolo, *bench.kilns(*kiln)]


def with_yolo_weights(bench, verb, *words):
    """A `yolo` command on a model that `yolo` trained for an epoch."""
    weights = bench.models / "yolo/weights/last.pt"
    if not weights.exists() and not bench.environment.fault("ultralytics"):
        data = bench.kiln.root / "examples/data/mnist160"
        train = bench.yolo("classify", "train", f"data={data}", "model=yolo11n-cls.yaml", "imgsz=64", "epochs=1", "plots=False")
        command = [str(word).replace("{fresh}", str(bench.models)) for word in train.command]
        quiet = {**os.environ, **train.environment}
        subprocess.run([*command, "name=yolo"], env=quiet, check=True, stdout=subprocess.DEVNULL)
    return bench.yolo("classify", verb, f"model={weights}", *words)


def whole_validation(bench):
    data = bench.data / "small"
    yolo = with_yolo_weights(bench, "val", f"data={data}", "imgsz=64", "batch=64", "plots=False")
    return [yolo, *bench.kilns("val", bench.model("fit") / "model.safetensors", "--data", data, "--batch", "64")]


def whole_prediction(bench):
    image = bench.data / "small/val/7/00007.png"
    yolo = with_yolo_weights(bench, "predict", f"source={image}", "imgsz=64", "save=False")
    return [yolo, *bench.kilns("predict", bench.model("fit") / "model.safetensors", image)]


def whole_export(bench):
    yolo = with_yolo_weights(bench, "export", "format=onnx", "imgsz=64")
    return [yolo, *bench.kilns("export", bench.model("fit") / "model.safetensors", "--format", "onnx", devices=["cpu"])]


def quickstart_again(bench):
    return bench.kilns("run", bench.kiln.root / "pipelines/quickstart.yaml", devices=["cpu"], again=True)


def training_again(bench):
    words = ["--data", bench.data / "small", "--size", "64", "--batch", "64", "--epochs", "1"]
    return bench.kilns("train", *words, devices=["cpu"], again=True)


def indexing(again):
    def contenders(bench):
        pipeline = bench.models / "many.yaml"
        pipeline.write_text(MANY.format(data=bench.data / "many"))
        return bench.kilns("run", pipeline, devices=["cpu"], again=again)

    return contenders


ROWS = [
    training(64, 64, "≥ 1.1 / ≥ 1.0"),
    training(64, 16, "≥ 1.1 / ≥ 1.0"),
    training(224, 16, "≥ 1.1 / ≥ 1.0"),
    inference(64, 64, "≥ 1.3 / ≥ 1.0"),
    inference(224, 1, "≥ 1.3 / ≥ 1.0"),
    inference(224, 16, "≥ 1.2 / ≥ 1.0"),
    Row("whole-train", "train 6,000 and val 2,000 images at 64 px, 2 epochs; `yolo`", whole_training, "≥ 3 / ≥ 2.5", False),
    Row("whole-val", "val of 2,000 images; `yolo`", whole_validation, "≥ 6 / ≥ 6", False),
    Row("whole-predict", "predict one image; `yolo`", whole_prediction, "as it is", False),
    Row("whole-export", "export; `yolo`", whole_export, "as it is", False),
    loading("train", "– / ≥ 2.5"),
    loading("eval", "– / ≥ 2.5"),
    Row("again-small", "quickstart again: nothing to do", quickstart_again, "– / ≤ 12 ms", False, 20),
    Row("again-8000", "8,000 images again: nothing to do", training_again, "– / ≤ 25 ms", False, 20),
    Row("index-cold", "60,000 small files, never seen before", indexing(False), "– / ≤ 1.5 s, 100 MiB", False),
    Row("index-again", "60,000 small files, unchanged", indexing(True), "– / ≤ 100 ms, 100 MiB", False, 10),
]
