"""Makes model.rknn of model.onnx for the chip that is named: written and run by Kiln."""

import sys

from rknn.api import RKNN

# The toolkit (2.5.0) fails on attention where its keys are shorter than its values, unless this rule is off.
RULE = "fuse_exmatmul_add_mul_exsoftmax13_exmatmul_to_sdpa"

toolkit = RKNN()
STEPS = {
    "config": lambda: toolkit.config(target_platform=sys.argv[1], disable_rules=[RULE]),
    "load_onnx": lambda: toolkit.load_onnx("model.onnx"),
    "build": lambda: toolkit.build(do_quantization=False),
    "export_rknn": lambda: toolkit.export_rknn("model.rknn"),
}
for name, step in STEPS.items():
    if step() not in (0, None):
        sys.exit(f"the toolkit's step {name} failed")
