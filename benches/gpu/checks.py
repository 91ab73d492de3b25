"""Whether Kiln does on a device what it does on the CPU."""

import hashlib
import json
import math
import signal
import time

FAMILIES = ["yolov8n-cls", "yolo11n-cls", "yolo12n-cls", "yolo26n-cls", "yolo11-cls-resnet18", "yolov8-cls-resnet50"]
# Of a probability.
LIMIT = 1e-3


def doctor(machine):
    folder = machine.fresh("doctor")
    done = machine.run([machine.bin / "kiln", "doctor", "--json", "--store", folder / "store"], folder)
    return json.loads(done.stdout)


def quickstart(machine):
    folder = machine.fresh("quickstart")
    began = time.monotonic()
    machine.kiln(folder, "run", machine.root / "pipelines/quickstart.yaml", "--out", folder / "out", "--progress", "quiet")
    scores = json.loads((folder / "out/score/metrics.json").read_text())
    return {"top1": scores["top1"]["value"], "took": round(time.monotonic() - began, 1)}


def probabilities(machine):
    """The largest difference of a probability between the device and the CPU, by family, after a little training."""
    found = {}
    for family in FAMILIES:
        folder = machine.fresh(f"probabilities-{family}")
        train(machine, folder, "--arch", family, "--epochs", "4", "--size", "64", "--batch", "16", device="cpu")
        given = [predicted(machine, folder, device) for device in ("cpu", machine.device)]
        off = max(abs(a - b) for one, other in zip(*given) for a, b in zip(one, other))
        found[family] = off
    return {"largest_difference": found, "holds": all(off <= LIMIT for off in found.values())}


def predicted(machine, folder, device):
    """The probabilities of each image's classes, by class."""
    words = ["predict", folder / "out/fit/model.safetensors", machine.images / "val/7", "--top", "10", "--json"]
    # A store of its own: results are those of any device, so that the second would be taken from the first.
    done = machine.kiln(machine.fresh(f"{folder.name}-on-{device.replace(':', '-')}"), *words, device=device)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [[one["confidence"] for one in sorted(line["top"], key=lambda one: one["class"])] for line in lines]


def precisions(machine):
    """Training in 16 bits ends with a loss that is a number, and below that of the first epoch."""
    found = {}
    for precision in ("bf16", "fp16"):
        folder = machine.fresh(f"precision-{precision}")
        train(machine, folder, "--epochs", "6", "--size", "64", "--precision", precision)
        losses = column(folder, "train/loss")
        found[precision] = {"first": losses[0], "last": losses[-1], "holds": math.isfinite(losses[-1]) and losses[-1] < losses[0]}
    return found


def batch_auto(machine):
    folder = machine.fresh("batch-auto")
    said = train(machine, folder, "--epochs", "1", "--size", "64", "--batch", "auto", "--progress", "plain").stdout
    return {"said": [line.strip() for line in said.splitlines() if "batch" in line]}


def out_of_memory(machine):
    if not machine.gpu:
        return {"left_out": "only a GPU is filled up"}
    folder = machine.fresh("out-of-memory")
    words = ["--arch", "yolo11x-cls", "--epochs", "1", "--size", "2048", "--batch", "64"]
    done = train(machine, folder, *words, check=False)
    return {"code": done.returncode, "said": (done.stdout + done.stderr)[-600:]}


def stop_and_resume(machine):
    """Training that is stopped and goes on gives the bytes of training that is not."""
    words = ["--epochs", "12", "--size", "64", "--batch", "16"]
    whole, stopped = machine.fresh("whole"), machine.fresh("stopped")
    train(machine, whole, *words)
    process = machine.start(stopped, *asked(machine, stopped, *words))
    # After a few epochs, which is when there is something to go on from.
    epochs = 0
    for line in process.stdout:
        epochs += "epoch " in line and "Note" in line
        if epochs == 3:
            process.send_signal(signal.SIGINT)
    code = process.wait()
    train(machine, stopped, *words)
    digests = [hashlib.sha256((folder / "out/fit/model.safetensors").read_bytes()).hexdigest() for folder in (whole, stopped)]
    return {"stopped_with": code, "same_bytes": digests[0] == digests[1]}


def train(machine, folder, *words, device=None, check=True):
    return machine.kiln(folder, *asked(machine, folder, *words), device=device, check=check)


def asked(machine, folder, *words):
    shown = [] if "--progress" in words else ["--progress", "plain"]
    return ["train", "--data", machine.images, "--out", folder / "out", *shown, *words]


def column(folder, name):
    """The numbers of a column of the training's table."""
    rows = [line.split(",") for line in (folder / "out/fit/metrics.csv").read_text().splitlines()]
    at = [title.strip() for title in rows[0]].index(name)
    return [float(row[at]) for row in rows[1:]]


ALL = [
    ("doctor", doctor),
    ("quickstart", quickstart),
    ("probabilities", probabilities),
    ("precisions", precisions),
    ("batch_auto", batch_auto),
    ("out_of_memory", out_of_memory),
    ("stop_and_resume", stop_and_resume),
]
