"""How fast training is on a device, beside PyTorch: both with mixed precision, the images in memory already."""

import sys

SIZES = ["yolo11n-cls", "yolo11s-cls", "yolo11m-cls"]
SECONDS = 5


def steps(machine):
    """Images a second of the step, and the most memory on the device in MiB, by network."""
    size, batch = (224, 256) if machine.gpu else (64, 16)
    return {arch: step(machine, arch, str(size), str(batch)) for arch in SIZES}


def step(machine, arch, size, batch):
    folder = machine.fresh(f"step-{arch}")
    work = [machine.device, size, batch, str(SECONDS), arch, "bf16"]
    peers = machine.root / "benches/peers"
    found = {
        "kiln": rate(machine, folder, [machine.bin / "peers-libtorch", "step", *work]),
        "eager": rate(machine, folder, [sys.executable, peers / "step.py", *work]),
    }
    if machine.gpu and machine.left() > 90:
        found["compiled"] = rate(machine, folder, [sys.executable, peers / "step.py", *work, "compile"])
    for peer in ("eager", "compiled"):
        if all(isinstance(found.get(one), float) for one in ("kiln", peer)):
            found[f"of_{peer}"] = round(found["kiln"] / found[peer], 3)
    return found


def rate(machine, folder, command):
    """What the command printed in its last line; what it said where it failed."""
    done = machine.run(command, folder, limit=100)
    try:
        return float(done.stdout.split()[-1])
    except (IndexError, ValueError):
        return {"fault": (done.stdout + done.stderr)[-600:]}


def loading(machine):
    """A whole training of larger images, from files: images a second, and the share of time that the device waited."""
    folder = machine.fresh("loading")
    words = ["train", "--data", machine.images, "--out", folder / "out", "--progress", "plain", "--epochs", "12", "--size", "224", "--batch", "80"]
    said = machine.kiln(folder, *words).stdout
    return {"said": [line.strip() for line in said.splitlines() if "waited" in line or "Finished" in line]}


ALL = [("steps", steps), ("loading", loading)]
