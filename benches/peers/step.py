"""Images a second of PyTorch's training step: the twin of `step.rs`.

Arguments: DEVICE SIZE BATCH SECONDS [ARCH [PRECISION]] [compile]
"""

import contextlib
import os
import sys

import torch
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from network import images, network
from rate import rate

words = [word for word in sys.argv[1:] if word != "compile"]
device = torch.device("cpu" if words[0] in ("cpu", "libtorch") else words[0])
size, batch, seconds = int(words[1]), int(words[2]), float(words[3])
arch, precision = [*words[4:], *["yolo11n-cls", "fp32"][len(words[4:]):]]
kind = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
torch.set_num_threads(os.cpu_count())
torch.backends.cudnn.benchmark = True
model = network(arch=arch).to(device).train()
forward = torch.compile(model) if "compile" in sys.argv else model
optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=5e-4)
average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
pixels, targets = images(batch, size).to(device), (torch.arange(batch) % 10).to(device)
losses = torch.zeros((), device=device)


def mixed():
    return torch.autocast(device.type, kind) if kind else contextlib.nullcontext()


def step():
    global losses
    optimizer.zero_grad()
    with mixed():
        loss = cross_entropy(forward(pixels), targets)
    loss.backward()
    losses += loss.detach()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
    average.update_parameters(model)


def done():
    if device.type == "cuda":
        torch.cuda.synchronize(device)


found = rate(batch, seconds, step, done)
assert torch.isfinite(losses)
print(found)
