"""Images a second of PyTorch's training step: the twin of `step.rs`. Arguments: SIZE BATCH SECONDS [compile]"""

import os
import sys

import torch
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from network import images, network
from rate import rate

size, batch, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(os.cpu_count())
model = network().train()
forward = torch.compile(model) if "compile" in sys.argv else model
optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=5e-4)
average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
pixels, targets = images(batch, size), torch.arange(batch) % 10
losses = torch.zeros(())


def step():
    global losses
    optimizer.zero_grad()
    loss = cross_entropy(forward(pixels), targets)
    loss.backward()
    losses += loss.detach()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimizer.step()
    average.update_parameters(model)


found = rate(batch, seconds, step)
assert torch.isfinite(losses)
print(found)
