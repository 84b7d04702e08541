"""A graph's file without what a runtime has no use for: a sixth of an INT8 file would be names and nodes that say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import onnx

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def slim(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without repeated nodes, without names of nodes, and with short names for what is inside."""
    slimmed = onnx.ModelProto()
    slimmed.CopyFrom(model)
    graph = slimmed.graph
    nodes = _read(_distinct(model.graph), model.graph)
    graph.ClearField("node")
    graph.node.extend(nodes)
    kept = [x.name for x in (*graph.input, *graph.output)]
    short = _shortener(kept)
    for node in graph.node:
        node.ClearField("name")
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = short(tensor.name)
    graph.ClearField("value_info")
    onnx.checker.check_model(slimmed, full_check=True)
    return slimmed


def _distinct(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Copies of the nodes; one that computes what another did is left out, and the other's output is read instead."""
    outputs = {x.name for x in graph.output}
    first: dict[tuple, onnx.NodeProto] = {}
    instead: dict[str, str] = {}
    for node in graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [instead.get(name, name) for name in node.input]
        how = sorted(a.SerializeToString(deterministic=True) for a in node.attribute)
        same = first.setdefault((node.op_type, *copy.input, *how, len(node.output)), copy)
        if same is copy or outputs & {*node.output, *same.output}:
            yield copy
        else:
            instead |= dict(zip(node.output, same.output, strict=True))


def _read(nodes: Iterator[onnx.NodeProto], graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes of which something is read."""
    wanted, kept = {x.name for x in graph.output}, []
    for node in reversed(list(nodes)):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _shortener(kept: list[str]) -> Callable[[str], str]:
    """A function that gives each name its short one; those `kept`, and the empty one, stay."""
    names = {"": ""} | {name: name for name in kept}
    spare = (name for name in map(_in_62, count()) if name not in kept)

    def short(name: str) -> str:
        if name not in names:
            names[name] = next(spare)
        return names[name]

    return short


def _in_62(n: int) -> str:
    head, last = divmod(n, len(DIGITS))
    return (_in_62(head) if head else "") + DIGITS[last]
