"""yolo11-cls in PyTorch, after `docs/reference.md` ("Blocks", "Row scaling", "Model YAMLs"), under Kiln's parameter names."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# Of ten classes, by the same page.
PARAMETERS = {"yolo11n-cls": 1_543_914, "yolo11s-cls": 5_455_818, "yolo11m-cls": 10_366_026}
# Factor of the channels, and the most before it.
WIDTHS = {"yolo11n-cls": (0.25, 1024), "yolo11s-cls": (0.5, 1024), "yolo11m-cls": (1.0, 512)}


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


def network(classes=10, arch="yolo11n-cls"):
    """The network, fresh, its weights in channels-last order."""
    factor, most = WIDTHS[arch]

    def width(channels):
        return -(-int(min(channels, most) * factor) // 8) * 8

    a, b, c, d, e = (width(channels) for channels in (64, 128, 256, 512, 1024))
    # The larger ones have C3k everywhere.
    large = arch == "yolo11m-cls"
    model = nn.Sequential(
        Conv(3, a, 3, 2),
        Conv(a, b, 3, 2),
        C3k2(b, c, large, 0.25),
        Conv(c, c, 3, 2),
        C3k2(c, d, large, 0.25),
        Conv(d, d, 3, 2),
        C3k2(d, d, True),
        Conv(d, e, 3, 2),
        C3k2(e, e, True),
        C2PSA(e),
        Classify(e, classes),
    )
    count = sum(parameter.numel() for parameter in model.parameters())
    assert classes != 10 or count == PARAMETERS[arch], f"{count} parameters are not those of {arch}"
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
