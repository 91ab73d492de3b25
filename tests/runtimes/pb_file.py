"""Frozen graphs, run by TensorFlow."""

from pathlib import Path

import tensorflow
from saved_model_folder import channels_last, metadata


def load(path):
    graph = tensorflow.compat.v1.GraphDef.FromString(Path(path).read_bytes())
    imported = tensorflow.compat.v1.wrap_function(
        lambda: tensorflow.compat.v1.import_graph_def(graph, name=""), []
    )
    run = imported.prune("images:0", "output0:0")
    names, size = metadata(Path(path).parent)
    return names, size, channels_last(run, run.inputs[0].shape[0])
