"""INT8 next to FP32: what runs in bytes, what each part costs, which ranges cost least, and how fast it is.

    python benchmarks/int8.py nodes                                   # operators after ONNX Runtime's optimisation
    python benchmarks/int8.py sensitivity --data ../shared/data       # each part alone in bytes, next to float
    python benchmarks/int8.py methods --data ../shared/data           # ways to cut ranges off, next to float
    python benchmarks/int8.py speed gemma3_jax/examples/*.jpg         # processor time, processes taking turns

Costs are told on the bundled pictures and, with `--data`, on pictures of the public sets' training parts; nothing needs labels.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import tyro
from tyro.conf import Positional, subcommand

COLUMNS = ("boxes %", "corners %", "words %", "crops %")  # of quantize.sensitivity.Cost


@dataclasses.dataclass
class Nodes:
    """Count the operators that ONNX Runtime really runs."""

    model: str = "gemma3-base"

    def run(self) -> None:
        import onnx
        import onnxruntime

        from gemma3_jax.export.int8 import write_int8

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_int8(folder, *_model(self.model))
            for file in ("detector", "reader", "recognizer"):
                options = onnxruntime.SessionOptions()
                options.optimized_model_filepath = str(folder / "optimized.onnx")
                options.log_severity_level = 3  # that such a file suits this machine only is known
                onnxruntime.InferenceSession(
                    folder / f"{file}.onnx", options, ["CPUExecutionProvider"]
                )
                graph = onnx.load(folder / "optimized.onnx").graph
                found = Counter(node.op_type for node in graph.node)
                bytewise = {k: n for k, n in found.items() if re.search("QLinear|Integer", k)}
                between = {k: n for k, n in found.items() if k.endswith("uantizeLinear")}
                floats = {k: found[k] for k in ("Conv", "MatMul", "FusedMatMul") if k in found}
                print(f"{file}: in bytes {bytewise}, in between {between}, in float {floats}")


@dataclasses.dataclass
class Sensitivity:
    """Each part of the network alone in bytes."""

    model: str = "gemma3-base"
    data: Path | None = None
    pictures: int = 1
    """Of each public set."""

    def run(self) -> None:
        from gemma3_jax.quantize.sensitivity import search

        config, variables, ranges = _model(self.model)
        print(_row("in bytes", COLUMNS))
        for part, cost in search(
            config, variables, ranges.tensors, _pictures(self.data, self.pictures)
        ):
            print(_row(part, _cost(cost)), flush=True)


@dataclasses.dataclass
class Methods:
    """Ranges from the same histograms, cut off in different ways."""

    model: str = "gemma3-base"
    data: Path | None = None
    pictures: int = 4
    """Of each public set, to measure on; what they cost is told on others."""

    def run(self) -> None:
        from gemma3_jax.engine_onnx import OnnxEngine
        from gemma3_jax.export.files import write_files
        from gemma3_jax.quantize.observe import observe
        from gemma3_jax.quantize.ranges import METHODS
        from gemma3_jax.quantize.sensitivity import Reference, cost_of

        config, variables, _ = _model(self.model)
        measured = _pictures(self.data, self.pictures)
        seen, _ = observe(config, variables, measured)
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), config, variables, "")
            engine = OnnxEngine(folder, config, variables)
            reference = Reference(engine, _pictures(self.data, 1, skip=7))
        print(_row("ranges", COLUMNS))
        for name, method in METHODS.items():
            spans = {tensor: method(histogram) for tensor, histogram in seen.histograms.items()}
            cost = cost_of(config, variables, spans, reference, ())
            print(_row(name, _cost(cost)), flush=True)


@dataclasses.dataclass
class Speed:
    """Processor time of the graphs alone and of all of reading, one thread; processes of both take turns."""

    pictures: Positional[tuple[str, ...]]
    model: str = "gemma3-base"
    rounds: int = 5
    repeat: int = 3
    only: str | None = None
    """Measure this backend here and print JSON: what the command calls itself with."""

    def run(self) -> None:
        if self.only:
            print(json.dumps(_measure(self.model, self.only, self.pictures, self.repeat)))
            return
        rows: dict[str, dict[str, list[float]]] = {
            "onnx": defaultdict(list),
            "onnx-int8": defaultdict(list),
        }
        for _ in range(self.rounds):
            for backend, found in rows.items():
                command = [sys.executable, __file__, "speed", *self.pictures, "--only", backend]
                command += ["--model", self.model, "--repeat", str(self.repeat)]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                for stage, ms in json.loads(said.splitlines()[-1]).items():
                    found[stage].append(ms)
        print(_row("ms of processor time a picture", ("FP32", "INT8", "ratio")))
        for stage in rows["onnx"]:
            a, b = (median(rows[backend][stage]) for backend in rows)
            print(_row(stage, (f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}")))


def _measure(model: str, backend: Any, pictures: Sequence[str], repeat: int) -> dict[str, float]:
    """Milliseconds of processor time per picture, the least of `repeat` runs after one that is not counted."""
    from gemma3_jax import GemmaOCR
    from gemma3_jax.imaging.load import load_image

    ocr = GemmaOCR.from_pretrained(model, backend, threads=1)
    engine: Any = ocr.engine
    spent: dict[str, float] = defaultdict(float)

    def timed(stage: str) -> Any:
        call = getattr(engine, stage)

        def run(*arguments: Any) -> Any:
            begun = time.process_time()
            answer = call(*arguments)
            spent[stage] += time.process_time() - begun
            return answer

        return run

    for stage in ("detect", "read", "read_strips"):
        setattr(engine, stage, timed(stage))
    total: dict[str, float] = defaultdict(float)
    for picture in map(load_image, pictures):
        runs = []
        for _ in range(repeat + 1):
            spent.clear()
            begun = time.process_time()
            ocr.read(picture)
            runs.append({**spent, "all": time.process_time() - begun})
        for stage in ("detect", "read", "read_strips", "all"):
            total[stage] += min(run.get(stage, 0.0) for run in runs[1:])
    total["graphs"] = total["detect"] + total["read"] + total["read_strips"]
    return {stage: 1e3 * seconds / len(pictures) for stage, seconds in total.items()}


def _model(name: str) -> tuple[Any, Any, Any]:
    """Config, variables and ranges of a released model."""
    from gemma3_jax.export.int8 import ranges_of
    from gemma3_jax.pretrained import load_pretrained, model_checksum, model_folder

    config, variables = load_pretrained(name)
    home = model_folder(name)
    return config, variables, ranges_of(home, config, variables, model_checksum(home))


def _pictures(data: Path | None, count: int, skip: int = 0) -> list[np.ndarray]:
    """The bundled ones and `count` of each public set; the first `skip` of a set are left out."""
    from gemma3_jax.data.corpora import SCENE_SETS
    from gemma3_jax.quantize.pictures import bundled, loaded, spread

    found = list(bundled())
    if data is not None:
        for read in SCENE_SETS.values():
            paths = [sample.image_path for sample in read(data, "train")[skip:]]
            found += loaded(spread(paths, count))
    return found


def _cost(cost: Any) -> tuple[str, ...]:
    share, corners, words, crops = cost
    return f"{100 * share:.1f}", f"{100 * corners:.1f}", f"{100 * words:.2f}", f"{100 * crops:.2f}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<32}" + "".join(f"{cell:>12}" for cell in cells)


if __name__ == "__main__":
    tyro.cli(
        Annotated[Nodes, subcommand("nodes")]
        | Annotated[Sensitivity, subcommand("sensitivity")]
        | Annotated[Methods, subcommand("methods")]
        | Annotated[Speed, subcommand("speed")]
    ).run()
