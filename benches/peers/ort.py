"""Images a second of ONNX Runtime with Kiln's file, a second twin of `infer.rs`. Arguments: MODEL.onnx SIZE BATCH SECONDS"""

import os
import sys

import numpy
import onnxruntime

from rate import rate

size, batch, seconds = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = os.cpu_count()
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
pixels = numpy.random.default_rng(0).random((batch, 3, size, size), numpy.float32)
name = session.get_inputs()[0].name
print(rate(batch, seconds, lambda: session.run(None, {name: pixels})))
