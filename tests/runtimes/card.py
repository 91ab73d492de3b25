"""Runs the example of a model card on images, as somebody would who has copied it, and holds the class that it prints
against Kiln's.

usage: card.py CARD.md FILE PREDICTIONS.csv DATASET_FOLDER

FILE is what the example runs, as the card names it. PREDICTIONS.csv is that of a `val` node on the dataset. Of its images
those are taken that Kiln is surest of.
"""

import csv
import os
import re
import sys
from pathlib import Path

# An image or two may be right by chance.
IMAGES = 5


def example(card, file):
    section = f"## How to run `{file}`"
    text = Path(card).read_text(encoding="utf-8")
    assert text.count(section) == 1, f"{card} has one section {section!r}"
    return re.search(r"```python\n(.*?)\n```", text[text.index(section):], re.DOTALL).group(1)


def main(card, file, predictions, dataset):
    code = example(card, file)
    assert code.count('"image.jpg"') == 1, code
    with open(predictions, newline="", encoding="utf-8") as rows:
        rows = sorted(csv.DictReader(rows), key=lambda row: -float(row["confidence"]))[:IMAGES]
    paths = [str(Path(dataset, row["path"]).resolve()) for row in rows]
    os.chdir(Path(card).parent)
    for row, path in zip(rows, paths):
        given = {}
        exec(compile(code.replace('"image.jpg"', repr(path)), card, "exec"), given)
        name = given["names"][given["best"]]
        assert name == row["predicted"], (path, name, row["predicted"])
    assert rows, "there are predictions to compare with"
    print(f"the card's example runs {file}: {len(rows)} images, each in Kiln's class")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
