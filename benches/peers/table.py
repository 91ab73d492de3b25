"""Rows as Markdown. A ratio is how many times as fast as the first peer; more is better."""

COLUMNS = ["peer", "second", "libtorch", "cpu"]
HEAD = """\
| row | work | peer | ONNX Runtime | Kiln `libtorch` | Kiln `cpu` | goals |
|---|---|---|---|---|---|---|"""


def line(row, found):
    cells = [cell(row, found.get(column), found.get("peer"), column == "peer") for column in COLUMNS]
    return f"| {row.name} | {row.title} | {' | '.join(cells)} | {row.goals} |"


def cell(row, own, peer, is_peer):
    if own is None or own.fault:
        return "–"
    text = f"{own.rate:,.0f} /s" if row.is_rate else f"{seconds(own.seconds)}, {own.mebibytes:,.0f} MiB"
    if is_peer or peer is None or peer.fault:
        return text
    ratio = own.rate / peer.rate if row.is_rate else peer.seconds / own.seconds
    return f"{text} ({ratio:.2f})"


def seconds(value):
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
