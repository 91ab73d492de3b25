"""yolo11n-cls in PyTorch, after `docs/reference.md` ("Blocks", "Row scaling", "Model YAMLs"), under Kiln's parameter names."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

PARAMETERS = 1_543_914  # Of ten classes, by the same page.


class Conv(nn.Module):
    """Convolution without bias, norm, and SiLU unless `plain`."""

    def __init__(self, c1, c2, k=1, s=1, groups=1, plain=False):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.Identity() if plain else nn.SiLU(inplace=True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, c, e):
        super().__init__()
        inner = int(c * e)
        self.cv1, self.cv2 = Conv(c, inner, 3), Conv(inner, c, 3)

    def forward(self, x):
        return x + self.cv2(self.cv1(x))


class C3k(nn.Module):
    def __init__(self, c):
        super().__init__()
        inner = c // 2
        self.cv1, self.cv2, self.cv3 = Conv(c, inner), Conv(c, inner), Conv(2 * inner, c)
        self.m = nn.Sequential(*(Bottleneck(inner, 1.0) for _ in range(2)))

    def forward(self, x):
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class C3k2(nn.Module):
    def __init__(self, c1, c2, c3k, e=0.5):
        super().__init__()
        inner = int(c2 * e)
        self.cv1, self.cv2 = Conv(c1, 2 * inner), Conv(3 * inner, c2)
        self.m = nn.ModuleList([C3k(inner) if c3k else Bottleneck(inner, 0.5)])

    def forward(self, x):
        first, second = self.cv1(x).chunk(2, 1)
        return self.cv2(torch.cat((first, second, self.m[0](second)), 1))


class Attention(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.heads, self.values = heads, c // heads
        self.keys = self.values // 2
        self.qkv = Conv(c, c + 2 * self.keys * heads, plain=True)
        self.pe = Conv(c, c, 3, groups=c, plain=True)
        self.proj = Conv(c, c, plain=True)

    def forward(self, x):
        batch, channels, height, width = x.shape
        qkv = self.qkv(x).view(batch, self.heads, 2 * self.keys + self.values, height * width)
        q, k, v = qkv.split((self.keys, self.keys, self.values), 2)
        weights = (q.transpose(2, 3) @ k * self.keys**-0.5).softmax(3)
        mixed = (v @ weights.transpose(2, 3)).view(batch, channels, height, width)
        return self.proj(mixed + self.pe(v.reshape(batch, channels, height, width)))


class PSABlock(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.attn = Attention(c, heads)
        self.ffn = nn.Sequential(Conv(c, 2 * c), Conv(2 * c, c, plain=True))

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.ffn(x)


class C2PSA(nn.Module):
    def __init__(self, c):
        super().__init__()
        inner = c // 2
        self.cv1, self.cv2 = Conv(c, 2 * inner), Conv(2 * inner, c)
        self.m = nn.Sequential(PSABlock(inner, max(inner // 64, 1)))

    def forward(self, x):
        a, b = self.cv1(x).chunk(2, 1)
        return self.cv2(torch.cat((a, self.m(b)), 1))


class Classify(nn.Module):
    def __init__(self, c, classes):
        super().__init__()
        self.conv = Conv(c, 1280)
        self.linear = nn.Linear(1280, classes)

    def forward(self, x):
        return self.linear(self.conv(x).mean((2, 3)))


def network(classes=10):
    """The network, fresh, its weights in channels-last order."""
    model = nn.Sequential(
        Conv(3, 16, 3, 2),
        Conv(16, 32, 3, 2),
        C3k2(32, 64, False, 0.25),
        Conv(64, 64, 3, 2),
        C3k2(64, 128, False, 0.25),
        Conv(128, 128, 3, 2),
        C3k2(128, 128, True),
        Conv(128, 256, 3, 2),
        C3k2(256, 256, True),
        C2PSA(256),
        Classify(256, classes),
    )
    count = sum(parameter.numel() for parameter in model.parameters())
    assert classes != 10 or count == PARAMETERS, f"{count} parameters are not those of yolo11n-cls"
    return model.to(memory_format=torch.channels_last)


def fused(model):
    """The network for inference, with its norms folded into the convolutions."""
    model.eval()
    for part in model.modules():
        if isinstance(part, Conv):
            part.conv, part.bn = fuse_conv_bn_eval(part.conv, part.bn), nn.Identity()
    return model.to(memory_format=torch.channels_last)


def images(batch, size):
    """Random images `[batch, 3, size, size]` in channels-last order."""
    return torch.rand(batch, 3, size, size).to(memory_format=torch.channels_last)
