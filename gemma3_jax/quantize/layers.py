"""Which tensors of a float ONNX graph are to be bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import onnx
from onnx import numpy_helper

# Their outputs are values of their first input; of Resize only as nearest neighbour.
MOVERS = ("GatherND", "Identity", "Reshape", "Resize", "Squeeze", "Transpose")
FEATURES = ("stem", "fused")  # what the detector gives and the reader takes as bytes
# The detector's outputs: corners reach over tens of cells, and a 255th of that is pixels. Bytes in, floats out.
FLOAT_OUT = ("detector/maps",)


class Wiring:
    """Who reads what in a graph, its constants as arrays, and the shapes of what it computes (0 where they are free)."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        known = onnx.shape_inference.infer_shapes(model).graph.value_info
        self.shapes = {x.name: [d.dim_value for d in x.type.tensor_type.shape.dim] for x in known}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self.readers[name].append(node)
        self.makers = {name: n.op_type for n in model.graph.node for name in n.output}

    def is_layer(self, node: onnx.NodeProto) -> bool:
        """A two-dimensional convolution, or a product with a matrix of weights."""
        rank = {"Conv": 4, "MatMul": 2}.get(node.op_type)
        return rank is not None and getattr(self.constants.get(node.input[1]), "ndim", 0) == rank

    def is_blend(self, node: onnx.NodeProto) -> bool:
        """A product of shares, 0 to 1 and no more than 1 together, with what was gathered: bilinear sampling."""
        return node.op_type == "MatMul" and self.makers.get(node.input[1]) == "GatherND"

    def passes_on(self, node: onnx.NodeProto) -> str:
        """The input whose code is that of the output too: of what is moved, averaged or blended; "" of other nodes."""
        if self.is_blend(node):
            return node.input[1]
        return node.input[0] if moves(node) or node.op_type == "AveragePool" else ""

    def settled(self, name: str) -> str:
        """The ReLU of a tensor, where that is all that reads it: no byte lies below its zero anyway."""
        readers = self.readers[name]
        return readers[0].output[0] if len(readers) == 1 and readers[0].op_type == "Relu" else name


def moves(node: onnx.NodeProto) -> bool:
    """Whether a node gives nothing but values of its first input."""
    if node.op_type == "Resize":
        return any(a.name == "mode" and a.s == b"nearest" for a in node.attribute)
    return node.op_type in MOVERS


def layers(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that multiply by weights, in the order in which they compute."""
    wiring = Wiring(model)
    return [node.name for node in model.graph.node if wiring.is_layer(node)]


def convolved(model: onnx.ModelProto) -> list[str]:
    """The tensors that two-dimensional convolutions read."""
    wiring = Wiring(model)
    return [n.input[0] for n in model.graph.node if n.op_type == "Conv" and wiring.is_layer(n)]


def points(
    model: onnx.ModelProto, floats: Collection[str] = (), given: Collection[str] = FEATURES
) -> list[str]:
    """The tensors that are to be bytes and have a range of their own: what layers read, what convolutions write, and what is
    added or joined of bytes.

    Layers whose name begins with one of `floats` do not count; `given` are inputs that come as bytes.
    """
    wiring, known = Wiring(model), set(given)
    found: dict[str, None] = {}
    for node in model.graph.node:
        name = node.output[0]
        layer = wiring.is_layer(node) and not node.name.startswith(tuple(floats))
        if layer:
            found[node.input[0]] = None
        convolution = layer and node.op_type == "Conv" and not node.name.startswith(FLOAT_OUT)
        joined = node.op_type in ("Add", "Concat") and known.issuperset(node.input)
        if convolution or joined:
            found[wiring.settled(name)] = None
        elif wiring.passes_on(node) in known:
            known.add(name)
        known.update(found)
    return list(found)
