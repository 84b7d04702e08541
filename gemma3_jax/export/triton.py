"""The network for TensorRT and for Triton Inference Server: pictures of one size, SLOTS words, strips of COLUMNS; batch free.

    onnxruntime/spotter/1/model.onnx     one graph with every size but the batch's written into it
    onnxruntime/spotter/config.pbtxt     serves it as it is
    tensorrt/spotter/config.pbtxt        serves the engine that build.sh makes of it, on the machine that is to run it
    tensorrt/build.sh                    the `trtexec` line

Both are model repositories: `tritonserver --model-repository=...`. The graph is held against TensorRT's list of operators
(export/tensorrt.py), and its words against the model's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gemma3_jax.config import ModelConfig
from gemma3_jax.export.checked import leave_checked, metadata, write_metadata
from gemma3_jax.export.files import words
from gemma3_jax.export.fold import fold_batchnorm
from gemma3_jax.export.graph import Graph
from gemma3_jax.export.tensorrt import objections
from gemma3_jax.export.verify import ExportError, settle
from gemma3_jax.export.verify_graph import Shape, compare_spotter
from gemma3_jax.types import Spotted

if TYPE_CHECKING:
    import onnx

SLOTS, COLUMNS = 128, 64
MAX_BATCH, BEST_BATCH = 8, 4
QUEUE_US = 2000  # how long a picture may wait for others
NAME = "spotter"
MODEL = Path("onnxruntime", NAME, "1", "model.onnx")
BUILD = """#!/bin/sh
# Make TensorRT's engine of the graph, for this machine's GPU and TensorRT's version; run it where the engine will run.
set -eu
cd "$(dirname "$0")"
mkdir -p {name}/1
trtexec --onnx=../{model} --saveEngine={name}/1/model.plan \\
    --minShapes=images:1x{size} --optShapes=images:{best}x{size} --maxShapes=images:{most}x{size}
"""


def write_triton(
    folder: Path, config: ModelConfig, variables: Any, checksum: str, size: tuple[int, int]
) -> list[Path]:
    """The two model repositories for pictures of `size` (height, width) in `folder`, the graph verified on the sample sheet.

    Raises:
        ExportError: when TensorRT lacks an operator or the graph computes something else than the model; nothing is left.
    """
    shape = Shape(*size, SLOTS, COLUMNS)

    def write(unchecked: Path) -> None:
        import onnx

        model = build_static(config, variables, checksum, shape)
        for backend, platform in (
            ("onnxruntime", "onnxruntime_onnx"),
            ("tensorrt", "tensorrt_plan"),
        ):
            place = unchecked / backend / NAME
            place.mkdir(parents=True)
            (place / "config.pbtxt").write_text(triton_config(model, platform))
        (unchecked / MODEL).parent.mkdir()
        onnx.save(model, unchecked / MODEL)
        sizes = {"size": "x".join(map(str, (*size, 3))), "best": BEST_BATCH, "most": MAX_BATCH}
        script = unchecked / "tensorrt" / "build.sh"
        script.write_text(BUILD.format(name=NAME, model=MODEL, **sizes))
        script.chmod(0o755)
        write_metadata(unchecked, config, checksum)

    check = partial(verify_triton, config=config, variables=variables, shape=shape)
    return leave_checked(folder, write, check)


def build_static(
    config: ModelConfig, variables: Any, checksum: str, shape: Shape
) -> onnx.ModelProto:
    """`spotter.onnx` with fixed sizes, and with all that follows from them computed in advance."""
    g = Graph(f"{config.name}/{NAME}")
    images = g.input("images", np.uint8, ("b", shape.height, shape.width, 3))
    pixels = images.to(np.float32)  # TensorRT knows uint8 only at the door
    columns = g.Identity(np.array([shape.columns]))
    words(g, config, fold_batchnorm(variables)["params"], pixels, shape.slots, columns)
    description = f"Pictures of {shape.width} x {shape.height} px in, {shape.slots} words out."
    model = g.model(description, metadata(config, checksum))
    known = {"n": shape.slots, "t": shape.columns // 2}
    for output in model.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            if dim.dim_param in known:
                dim.dim_value = known[dim.dim_param]
    return _folded(model)


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with everything computed that can be without a picture: ONNX Runtime folds constants, and each round makes
    more sizes known, down to those of the batch."""
    import onnx
    import onnxruntime

    while True:
        with tempfile.TemporaryDirectory() as folder:
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.optimized_model_filepath = f"{folder}/folded.onnx"
            onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            folded = onnx.load(options.optimized_model_filepath)
        del folded.opset_import[:]  # ONNX Runtime names all the sets it knows
        folded.opset_import.extend(model.opset_import)
        model = onnx.shape_inference.infer_shapes(folded, data_prop=True)
        if not _write_sizes(model):
            return model


def _write_sizes(model: onnx.ModelProto) -> int:
    """Put numbers in the place of `Shape` nodes whose part of the shape is known; returns how many."""
    from onnx import numpy_helper

    shapes = {value.name: value.type.tensor_type.shape.dim for value in model.graph.value_info}
    written = 0
    for node in [node for node in model.graph.node if node.op_type == "Shape"]:
        ends = {attribute.name: attribute.i for attribute in node.attribute}
        dims = shapes.get(node.input[0], [])[ends.get("start", 0) : ends.get("end")]
        if dims and all(dim.HasField("dim_value") for dim in dims):
            sizes = np.array([dim.dim_value for dim in dims])
            model.graph.initializer.append(numpy_helper.from_array(sizes, node.output[0]))
            model.graph.node.remove(node)
            written += 1
    return written


def triton_config(model: onnx.ModelProto, platform: str) -> str:
    """`config.pbtxt` with dynamic batching; sizes and types are those of the graph."""
    lines = [f'name: "{NAME}"', f'platform: "{platform}"', f"max_batch_size: {MAX_BATCH}"]
    for kind, values in (("input", model.graph.input), ("output", model.graph.output)):
        lines += [f"{kind} [", ",\n".join(f"  {_tensor(value)}" for value in values), "]"]
    preferred = f"preferred_batch_size: [ {BEST_BATCH}, {MAX_BATCH} ]"
    lines += ["dynamic_batching {", f"  {preferred}"]
    lines += [f"  max_queue_delay_microseconds: {QUEUE_US}", "}"]
    return "\n".join(lines) + "\n"


def _tensor(value: onnx.ValueInfoProto) -> str:
    """One tensor of `config.pbtxt`, which does not count the batch."""
    import onnx

    names = {"FLOAT": "FP32"}
    kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    dims = ", ".join(str(dim.dim_value) for dim in value.type.tensor_type.shape.dim[1:])
    return f'{{ name: "{value.name}" data_type: TYPE_{names.get(kind, kind)} dims: [ {dims} ] }}'


def verify_triton(
    folder: Path,
    config: ModelConfig,
    variables: Any,
    shape: Shape,
    say: Callable[[str], None] = print,
) -> None:
    """Hold the graph against TensorRT's list, and what it computes in ONNX Runtime against the model.

    Raises:
        ExportError: naming what TensorRT cannot do, or what differs.
    """
    import onnx
    import onnxruntime

    model = onnx.load(folder / MODEL)
    if bad := objections(model):
        raise ExportError(f"{config.name} is not exported: TensorRT 10 has no {'; '.join(bad)}")
    say(f"  {len(model.graph.node)} nodes, all in TensorRT 10's list")
    session = onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> Spotted:
        return Spotted(*map(np.asarray, session.run(Spotted._fields, {"images": images})))

    settle(config.name, compare_spotter(run, config, variables, shape), say)
