"""What was measured with, for the head of the table."""

import os
import pathlib
import platform
import subprocess

PACKAGES = ["torch", "torchvision", "onnxruntime", "ultralytics"]
WIDE = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_tile"]


def described(environment, built):
    processor, flags = cpu()
    wide = ", ".join(flag for flag in WIDE if flag in flags)
    packages = [f"{name} {environment.version(name)}" for name in PACKAGES if environment.version(name)]
    programs = [f"Kiln {commit(built.root)}", f"Python {platform.python_version()}", *packages]
    return f"{processor}, {os.cpu_count()} threads ({wide}), {platform.system()}; {', '.join(programs)}."


def busy():
    """What to say if something else ran when the measuring began."""
    load = os.getloadavg()[0]
    return f"THE MACHINE WAS BUSY (load {load:.1f}): none of this counts" if load > 0.7 else ""


def cpu():
    """The processor's name and what it can do, where the system tells."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    return fields.get("model name", platform.processor() or platform.machine()), fields.get("flags", "").split()


def commit(root):
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True)
    return done.stdout.strip() or "of an unknown commit"
