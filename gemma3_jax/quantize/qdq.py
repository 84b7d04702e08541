"""A float ONNX graph into one that computes with bytes, in QDQ form: standard operators only, any runtime may fuse them.

Activations are unsigned bytes with one scale per tensor, weights signed bytes with one per output channel, biases int32 in the
product's scale: what AVX512-VNNI and ARM's dot products multiply (Jacob et al. 2018). A tensor stays bytes from where it is
made to where it is read: operators that only move values move bytes, so that nothing goes back and forth between float and
integer. What rounded weights make of a layer's average input is taken out of its bias (Nagel et al. 2019, section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import onnx

from gemma3_jax.quantize.codes import Code, Writer, code_of, whole_weights
from gemma3_jax.quantize.layers import FLOAT_OUT, Wiring, moves, points
from gemma3_jax.quantize.ranges import Range

SHARE = (0.0, 1.0)  # the range of a tap's share in a sample


def quantize(
    model: onnx.ModelProto,
    ranges: Mapping[str, Range],
    floats: Collection[str] = (),
    given: Mapping[str, Code] | None = None,
    means: Mapping[str, Sequence[float]] | None = None,
) -> tuple[onnx.ModelProto, dict[str, Code]]:
    """The model with its `points` as bytes, and the codes of those outputs that became bytes.

    Layers whose name begins with one of `floats` stay as they are; `given` are codes of inputs that come as bytes from now on;
    `means` of each channel of what a convolution reads correct its bias.

    Raises:
        ValueError: naming a tensor that has no range.
    """
    rewriting = _Rewriting(model, ranges, tuple(floats), given or {}, means or {})
    for node in model.graph.node:
        rewriting.take(node)
    codes = rewriting.codes
    made = rewriting.writer.finished(model, set(codes))
    return made, {x.name: codes[x.name] for x in made.graph.output if x.name in codes}


class _Rewriting:
    """One walk over the nodes; `codes` are the tensors that there are as bytes so far."""

    def __init__(
        self,
        model: onnx.ModelProto,
        ranges: Mapping[str, Range],
        floats: tuple[str, ...],
        given: Mapping[str, Code],
        means: Mapping[str, Sequence[float]],
    ) -> None:
        self.ranges, self.floats, self.codes, self.means = ranges, floats, dict(given), means
        self.wiring, self.points = Wiring(model), set(points(model, floats, given))
        self.writer = Writer(self.wiring.constants)

    def take(self, node: onnx.NodeProto) -> None:
        """Add what becomes of a node."""
        name, code = node.output[0], self.codes.get(node.input[0]) if node.input else None
        if name in self.codes:
            return  # the picture's mean is subtracted: its code says so
        if self._is_picture(node):
            self._picture(node)
        elif code and node.op_type == "Resize" and moves(node):
            self._enlarge(node, code)
        elif self._moves(node):
            self._copy(node, self._named(node, lambda code: code.name))
            self.codes[name] = self.codes[node.input[0]].renamed(name)
        elif node.op_type == "Shape":
            self._copy(node, self._named(node, lambda code: code.name))
        elif code and node.op_type == "AveragePool":
            self._average(node, code)
        elif self.wiring.is_blend(node) and node.input[1] in self.codes:
            self._blend(node)
        else:
            self._compute(node)

    def _is_picture(self, node: onnx.NodeProto) -> bool:
        """A cast from which a constant is subtracted before a layer reads it: grey levels less their mean."""
        readers = self.wiring.readers[node.output[0]]
        alone = node.op_type == "Cast" and [reader.op_type for reader in readers] == ["Sub"]
        return alone and readers[0].output[0] in self.points

    def _picture(self, node: onnx.NodeProto) -> None:
        """Grey levels are bytes already."""
        subtract = self.wiring.readers[node.output[0]][0]
        mean = float(self.wiring.constants[subtract.input[1]])
        code = Code(node.input[0], 1.0, round(mean), offset=round(mean) - mean)
        self.codes[node.output[0]] = self.codes[subtract.output[0]] = code

    def _moves(self, node: onnx.NodeProto) -> bool:
        """Whether bytes can be moved as they are; those that are joined must have one code."""
        if node.op_type != "Concat":
            return moves(node) and node.input[0] in self.codes
        codes = [self.codes.get(x) for x in node.input]
        return all(codes) and len({(code.scale, code.zero) for code in codes if code}) == 1

    def _enlarge(self, node: onnx.NodeProto, code: Code) -> None:
        """Each cell four times, joined along the columns and along the rows: ONNX Runtime's Resize of bytes takes five times
        as long."""
        add, name, constant = self.writer.add, node.output[0], self.writer.constant
        cells = add("Transpose", [code.name], f"{name}/cells", perm=(0, 2, 3, 1))
        wide = add("Concat", [cells, cells], f"{name}/wide", axis=3)
        rows = add("Reshape", [wide, constant(np.array([0, 0, -1]))], f"{name}/rows")
        tall = add("Concat", [rows, rows], f"{name}/tall", axis=2)
        size = add("Shape", [cells], f"{name}/size")
        size = add("Mul", [size, constant(np.array([1, 2, 2, 1]))], f"{name}/twice")
        larger = add("Reshape", [tall, size], f"{name}/larger")
        add("Transpose", [larger], name, perm=(0, 3, 1, 2))
        self.codes[name] = code.renamed(name)

    def _average(self, node: onnx.NodeProto, code: Code) -> None:
        """Means of 2 x 2 cells in the cells' own code, as a convolution: ONNX Runtime's AveragePool of bytes takes ten times
        as long."""
        channels = self.wiring.shapes[node.input[0]][1]
        mean = whole_weights(np.full((channels, 1, 2, 2), 0.25, np.float32), 0)
        inputs = [self.writer.to_floats(code), self.writer.weights(*mean, axis=0)]
        how = {"kernel_shape": (2, 2), "strides": (2, 2), "group": channels}
        self.writer.add("Conv", inputs, node.output[0], node.name, **how)
        self.codes[node.output[0]] = self.writer.to_bytes(code.renamed(node.output[0]))

    def _blend(self, node: onnx.NodeProto) -> None:
        """Samples in the code of what they are blended of; the shares of the taps become bytes too."""
        code = self.codes[node.input[1]]
        shares = self.writer.to_bytes(code_of(node.input[0], SHARE))
        inputs = [self.writer.to_floats(x) for x in (shares, code)]
        self.writer.add("MatMul", inputs, node.output[0], node.name)
        self.codes[node.output[0]] = self.writer.to_bytes(code.renamed(node.output[0]))

    def _compute(self, node: onnx.NodeProto) -> None:
        """The operator on floats between bytes: made into floats before it, and into bytes where it gives a point."""
        layer = self.wiring.is_layer(node) and not node.name.startswith(self.floats)
        if layer and node.op_type == "Conv" and node.name.startswith(FLOAT_OUT):
            self._product(node)
        elif layer:
            self._layer(node)
        else:
            self._copy(node, self._named(node, self.writer.to_floats))
        name = node.output[0]
        if name in self.points:
            if name not in self.ranges:
                raise ValueError(f"the range of {name} was not measured: gemma3-ocr quantize does")
            self.codes[name] = self.writer.to_bytes(code_of(name, self.ranges[name]))

    def _layer(self, node: onnx.NodeProto) -> None:
        """A convolution or product with its weights and bias as integers."""
        axis, code = (0 if node.op_type == "Conv" else 1), self.codes[node.input[0]]
        weight = self.wiring.constants[node.input[1]]
        whole, scale = whole_weights(weight, axis)
        inputs = [self.writer.to_floats(code), self.writer.weights(whole, scale, axis)]
        if len(node.input) > 2:
            shift = code.offset * weight.sum(axis=(1, 2, 3))
            bias = self.wiring.constants[node.input[2]] + shift - self._rounded(node, whole, scale)
            inputs.append(self.writer.bias(bias, scale, code))
        self._copy(node, inputs)

    def _product(self, node: onnx.NodeProto) -> None:
        """A 1 x 1 convolution as a product along the last axis, which unlike a convolution of bytes may give floats."""
        add, name, (x, kernel, bias) = self.writer.add, node.output[0], node.input
        code, weight = self.codes[x], self.wiring.constants[kernel][:, :, 0, 0].T
        last = code.renamed(add("Transpose", [code.name], f"{name}/last", perm=(0, 2, 3, 1)))
        whole, scale = whole_weights(weight, 1)
        inputs = [self.writer.to_floats(last), self.writer.weights(whole, scale, axis=1)]
        add("MatMul", inputs, f"{name}/product", node.name)
        add("Transpose", [f"{name}/product"], f"{name}/first", perm=(0, 3, 1, 2))
        # behind the product it would be made one with it, and that in floats
        whole = whole.T[:, :, None, None]
        corrected = self.wiring.constants[bias] - self._rounded(node, whole, scale)
        constant = self.writer.constant(corrected[:, None, None].astype(np.float32))
        add("Add", [f"{name}/first", constant], name)

    def _rounded(self, node: onnx.NodeProto, whole: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """How much more a convolution gives on average `[out]` because its weights are `whole` times `scale`."""
        weight, means = self.wiring.constants[node.input[1]], self.means.get(node.input[0])
        if not means:
            return np.zeros(len(weight))
        more = whole * scale.astype(np.float64)[:, None, None, None] - weight
        per_input = more.sum(axis=(2, 3))  # [out, in / groups]
        groups = len(means) // per_input.shape[1]
        read = np.reshape(means, (groups, 1, -1))  # one row of inputs for all outputs of a group
        return (per_input.reshape(groups, -1, per_input.shape[1]) * read).sum(axis=2).ravel()

    def _named(self, node: onnx.NodeProto, name_of: Callable[[Code], str]) -> list[str]:
        """The inputs of a node, `name_of` their codes where they are bytes."""
        return [name_of(self.codes[x]) if x in self.codes else x for x in node.input]

    def _copy(self, node: onnx.NodeProto, inputs: list[str]) -> None:
        """Add the node with other inputs."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = inputs
        self.writer.nodes.append(copy)
