"""What TensorRT 10 says it can do, and whether an ONNX graph keeps to it. TensorRT itself is not needed.

Source: docs/operators.md of github.com/onnx/onnx-tensorrt at TensorRT 10.15 (opsets 9 to 24), the rows of the operators that
our graphs use. Kinds of inputs: F floating point, I int32 and int64, B bool, U uint8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSETS = range(9, 25)
MAX_TOP_K = 3839
FLOATS = """AveragePool Conv Exp Floor LayerNormalization LogSoftmax MatMul MaxPool Resize Round Sigmoid Softmax Sqrt"""
NUMBERS = """Abs Add ArgMax Clip Div Equal Greater Less LessOrEqual Max Min Mod Mul Neg Pad Range ReduceL2 ReduceMax ReduceMean
    ReduceMin ReduceSum Relu Sub TopK"""
ANYTHING = """Concat Constant ConstantOfShape Expand Flatten Gather GatherND Identity Reshape Shape Slice Split Squeeze Tile
    Transpose Unsqueeze Where"""
SUPPORTED = {
    name: kinds
    for names, kinds in (
        (FLOATS, "F"),
        (NUMBERS, "FI"),
        (ANYTHING, "FIB"),
        ("And Not Or", "B"),
        ("Cast", "FIBU"),
    )
    for name in names.split()
}
# inputs that must be known when the engine is built, by their place
CONSTANT = {"Squeeze": 1, "Unsqueeze": 1, "ReduceSum": 1, "TopK": 1}
RESIZE = {
    "mode": {b"nearest", b"linear"},
    "coordinate_transformation_mode": {b"half_pixel", b"asymmetric", b"align_corners"},
    "nearest_mode": {b"floor", b"ceil", b"round_prefer_floor", b"round_prefer_ceil"},
}


def objections(model: onnx.ModelProto) -> list[str]:
    """Everything in the graph that TensorRT 10 does not say it can do, one line each."""
    import onnx

    found = [
        f"opset {one.version} of {one.domain or 'ONNX'}"
        for one in model.opset_import
        if one.domain or one.version not in OPSETS
    ]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    kinds = _kinds(inferred)
    constants = {x.name: onnx.numpy_helper.to_array(x) for x in model.graph.initializer}
    for node in model.graph.node:
        found += (
            f"{node.op_type} ({node.name}): {why}" for why in _why_not(node, kinds, constants)
        )
    return found


def _why_not(node: onnx.NodeProto, kinds: dict[str, str], constants: dict) -> Iterator[str]:
    if node.op_type not in SUPPORTED:
        yield "not supported"
        return
    inputs = [name for name in node.input if name]
    if wrong := {kinds[name] for name in inputs} - set(SUPPORTED[node.op_type]):
        yield f"not for values of kind {', '.join(sorted(wrong))}"
    place = CONSTANT.get(node.op_type)
    if place is not None and len(inputs) > place and inputs[place] not in constants:
        yield f"input {place} is not a constant"
    if node.op_type == "TopK" and np.any(constants.get(inputs[1], 0) > MAX_TOP_K):
        yield f"more than {MAX_TOP_K} are taken"
    if node.op_type == "Resize":
        for attribute in node.attribute:
            if attribute.s not in RESIZE.get(attribute.name, {attribute.s}):
                yield f"{attribute.name} is {attribute.s.decode()}"


def _kinds(model: onnx.ModelProto) -> dict[str, str]:
    """Kind of every value by name, "?" for types that TensorRT has no word for."""
    import onnx

    letters = {"FLOAT": "F", "FLOAT16": "F", "BFLOAT16": "F", "INT32": "I", "INT64": "I"}
    letters |= {"BOOL": "B", "UINT8": "U"}
    graph = model.graph
    types = {x.name: x.data_type for x in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        types[value.name] = value.type.tensor_type.elem_type
    return {k: letters.get(onnx.TensorProto.DataType.Name(v), "?") for k, v in types.items()}
