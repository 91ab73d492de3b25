"""Frozen graphs, run by TensorFlow."""

from pathlib import Path

import tensorflow
from saved_model_file import metadata


def load(path):
    graph = tensorflow.compat.v1.GraphDef.FromString(Path(path).read_bytes())
    imported = tensorflow.compat.v1.wrap_function(lambda: tensorflow.graph_util.import_graph_def(graph, name=""), [])
    run = imported.prune("images:0", "output0:0")
    names, size = metadata(Path(path).parent)
    return names, size, lambda images: run(tensorflow.constant(images.transpose(0, 2, 3, 1))).numpy()[0]
