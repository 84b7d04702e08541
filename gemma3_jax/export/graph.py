"""Writing an ONNX graph as one writes array code: `g.Relu(x + 1)` adds nodes, `x[..., 0, :]` gathers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

# LayerNormalization came with 17, GridSample with 16. ONNX Runtime 1.17 reads up to 20, TensorRT 10 reads 9 to 20.
OPSET, IR_VERSION = 17, 8


class Tensor:
    """The name of a value in a graph, with array arithmetic. Other operands may be numbers or NumPy arrays."""

    __array_ufunc__ = None  # NumPy leaves `array * tensor` to the tensor

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Any) -> Tensor:
        return self.graph.Add(self, other)

    def __sub__(self, other: Any) -> Tensor:
        return self.graph.Sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return self.graph.Sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return self.graph.Mul(self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return self.graph.Div(self, float(other) if isinstance(other, int) else other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self.graph.Div(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return self.graph.Div(self, other)  # ONNX divides integers so

    def __pow__(self, exponent: float) -> Tensor:
        if exponent not in (2, 0.5):
            raise ValueError(f"{exponent=}: only squares and roots")
        return self.graph.Mul(self, self) if exponent == 2 else self.graph.Sqrt(self)

    def __gt__(self, other: Any) -> Tensor:
        return self.graph.Greater(self, other)

    def __lt__(self, other: Any) -> Tensor:
        return self.graph.Less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return self.graph.LessOrEqual(self, other)

    def __and__(self, other: Tensor) -> Tensor:
        return self.graph.And(self, other)

    def __invert__(self) -> Tensor:
        return self.graph.Not(self)

    __radd__, __rmul__ = __add__, __mul__

    def sum(self, axis: int) -> Tensor:
        return self.graph.ReduceSum(self, [axis], keepdims=0)

    def to(self, dtype: Any) -> Tensor:
        return self.graph.Cast(self, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def __getitem__(self, key: tuple[Any, ...]) -> Tensor:
        """NumPy's basic indexing after a leading `...`: integers, `None`, `:` and `a:b` (positive ends, any step)."""
        first, *entries = key
        if first is not Ellipsis:
            raise TypeError(f"index {key} must begin with ...: axes are counted from the end")
        found, axis = self, -1
        for entry in reversed(entries):
            if isinstance(entry, int):
                found = self.graph.Gather(found, entry, axis=axis)
                continue
            if entry is None:
                found = self.graph.Unsqueeze(found, [axis])
            elif entry != slice(None):
                start, stop, step = entry.start or 0, entry.stop, entry.step or 1
                stop = np.iinfo(np.int64).max if stop is None else stop
                found = self.graph.Slice(found, [start], [stop], [axis], [step])
            axis -= 1
        return found


class Graph:
    """An ONNX graph in the making. Any capitalised method is the operator of that name.

    Inputs that are no tensors become constants (int -> int64, float -> float32); equal ones are stored once. `packed` asks the
    network for the form whose bytes are fast (`network.packed_stem`).
    """

    def __init__(self, name: str, packed: bool = False) -> None:
        self.name, self.packed = name, packed
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._known: list[onnx.ValueInfoProto] = []
        self._scopes: list[str] = []
        self._taken: dict[str, int] = {}

    def __getattr__(self, operator: str) -> Callable[..., Any]:
        if not operator[:1].isupper():
            raise AttributeError(operator)
        return lambda *inputs, **attributes: self._add(operator, inputs, **attributes)

    def _add(
        self, operator: str, inputs: Sequence[Any], outputs: int = 1, **attributes: Any
    ) -> Any:
        """The operator's output, or a list of them where `outputs` is more than one."""
        name = self._unique("/".join((*self._scopes, operator)))
        names = [name] if outputs == 1 else [f"{name}.{i}" for i in range(outputs)]
        given = [self._value(x) for x in inputs]
        self._nodes.append(helper.make_node(operator, given, names, name=name, **attributes))
        made = [Tensor(self, x) for x in names]
        return made if outputs > 1 else made[0]

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes and constants made inside carry the name as a folder, as the parameter tree does."""
        self._scopes.append(name)
        yield
        self._scopes.pop()

    def _unique(self, name: str) -> str:
        count = self._taken.get(name, 0)
        self._taken[name] = count + 1
        return f"{name}_{count}" if count else name

    def _value(self, x: Any) -> str:
        if isinstance(x, Tensor):
            return x.name
        array = np.ascontiguousarray(x).reshape(np.shape(x))
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._unique("/".join((*self._scopes, "constant")))
            self._constants[key] = numpy_helper.from_array(array, name)
        return self._constants[key].name

    def input(self, name: str, dtype: Any, shape: Sequence[int | str]) -> Tensor:
        """An input of the model; named dimensions are free."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return Tensor(self, name)

    def known(self, value: Tensor, dtype: Any, shape: Sequence[int | str]) -> Tensor:
        """`value`, its shape told to the runtime: free dimensions of one name are equal, which it cannot always infer."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._known.append(helper.make_tensor_value_info(value.name, kind, shape))
        return value

    def output(self, name: str, value: Tensor, dtype: Any, shape: Sequence[int | str]) -> None:
        """Call a value by a name of the model's outputs."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._nodes.append(
            helper.make_node("Identity", [value.name], [name], name=f"output/{name}")
        )
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def model(self, description: str, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """The finished, checked model."""
        weights = list(self._constants.values())
        graph = helper.make_graph(
            self._nodes,
            self.name,
            self._inputs,
            self._outputs,
            weights,
            description,
            value_info=self._known,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        model.producer_name = "gemma3_jax"
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model
