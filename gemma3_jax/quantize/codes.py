"""Numbers as bytes, and the nodes that turn the ones into the others."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gemma3_jax.quantize.ranges import LEVELS, Range


@dataclasses.dataclass(frozen=True)
class Code:
    """Unsigned bytes that stand for numbers: `(byte - zero) * scale + offset`."""

    name: str  # of the tensor of bytes
    scale: float
    zero: int
    offset: float = (
        0.0  # of a picture's mean, which is no whole grey level: it goes into the next bias
    )

    def renamed(self, name: str) -> Code:
        return dataclasses.replace(self, name=name)


def code_of(name: str, span: Range) -> Code:
    """The bytes of a range that holds zero, which is one of them exactly: padding costs nothing."""
    low, high = span
    scale = float(np.float32((high - low) / LEVELS))
    return Code(name, scale, int(np.clip(round(-low / scale), 0, LEVELS)))


def whole_weights(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """int8 weights of -127..127 and their scales float32, one per entry of `axis` (the output channels)."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.abs(weight).max(axis=others, keepdims=True).astype(np.float32) / 127
    scale = np.maximum(scale, np.float32(1e-12))  # a channel of zeros
    return np.rint(weight / scale).astype(np.int8), scale.ravel()


class Writer:
    """A graph in the making: nodes, constants stored once each, and conversions made once each."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.arrays = dict(arrays)
        self._names: dict[tuple, str] = {}
        self._floats: dict[str, str] = {}

    def add(self, operator: str, inputs: list[str], output: str, name: str = "", **how: Any) -> str:
        """Append a node; returns its output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **how))
        return output

    def constant(self, array: np.ndarray | np.generic) -> str:
        """Name of a constant."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"whole/{len(self._names)}"
            self.arrays[self._names[key]] = np.asarray(array)
        return self._names[key]

    def to_bytes(self, code: Code) -> Code:
        """The code of a tensor of floats, rounded: `code.name` is still the floats."""
        name = f"{code.name}/bytes"
        self.add("QuantizeLinear", [code.name, *self._steps(code)], name)
        return code.renamed(name)

    def to_floats(self, code: Code) -> str:
        """The numbers of a code, less their offset."""
        if code.name not in self._floats:
            inputs = [code.name, *self._steps(code)]
            self._floats[code.name] = self.add("DequantizeLinear", inputs, f"{code.name}/floats")
        return self._floats[code.name]

    def weights(self, whole: np.ndarray, scale: np.ndarray, axis: int) -> str:
        """Constant integers as floats, one scale per entry of `axis`."""
        return self._channels(whole, self.constant(scale), axis)

    def bias(self, bias: np.ndarray, scale: np.ndarray, code: Code) -> str:
        """int32 in the scale of the products that it is added to: that of the weights times that of what they read.

        The product of scales is left to the runtime, which computes it once: written out it would be 2 % of the file.
        """
        steps = scale.astype(np.float64) * code.scale
        whole = np.rint(bias / steps).clip(-(2**31) + 1, 2**31 - 1).astype(np.int32)
        names = [self.constant(scale), self._steps(code)[0]]
        product = "*".join(names)
        if product not in self._floats:
            self._floats[product] = self.add("Mul", names, product)
        return self._channels(whole, product, 0)

    def _steps(self, code: Code) -> tuple[str, str]:
        return self.constant(np.float32(code.scale)), self.constant(np.uint8(code.zero))

    def _channels(self, whole: np.ndarray, scale: str, axis: int) -> str:
        zeros = np.zeros(whole.shape[axis], whole.dtype)
        inputs = [self.constant(whole), scale, self.constant(zeros)]
        name = " ".join(inputs)
        if name not in self._floats:
            self._floats[name] = self.add("DequantizeLinear", inputs, name, axis=axis)
        return self._floats[name]

    def finished(self, model: onnx.ModelProto, bytewise: set[str]) -> onnx.ModelProto:
        """`model` with these nodes and constants instead of its own, and with the inputs and outputs `bytewise` as bytes."""
        made = onnx.ModelProto()
        made.CopyFrom(model)
        graph = made.graph
        for field in ("node", "initializer", "value_info"):
            graph.ClearField(field)
        graph.node.extend(self.nodes)
        read = {name for node in self.nodes for name in node.input}
        kept = {name: array for name, array in self.arrays.items() if name in read}
        graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in kept.items())
        for value in (*graph.input, *graph.output):
            if value.name in bytewise:
                value.type.tensor_type.elem_type = TensorProto.UINT8
        onnx.checker.check_model(made, full_check=True)
        return made
