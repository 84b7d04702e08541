"""Compile the training step and the reading program for real TPU slices, without a TPU, and say what the compiler says.

    pip install "jax[tpu]"                                          # brings libtpu, 0.7 GB
    python -m benchmarks.tpu_aot --out runs/tpu_aot.jsonl           # prints the tables of docs/tpu.md

A row is written as soon as it is compiled; what the file already has is not compiled again. Per device everywhere. `bytes` are
those that operations read and write, kept on the chip or not, so the roofline's memory time is an upper bound; see docs/tpu.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ["JAX_PLATFORMS"] = "cpu"  # arrays of this process live here; programs are for elsewhere
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # there is no TPU machine to ask about itself

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import Mesh

from benchmarks.chips import CHIPS
from benchmarks.tpu_hlo import PHASES, collectives, cycles
from gemma3_jax.config import Config
from gemma3_jax.data.augment import WordTable
from gemma3_jax.model.spotter import init_variables, spot
from gemma3_jax.training import mesh as meshes
from gemma3_jax.training import objective
from gemma3_jax.training.cli import load_config
from gemma3_jax.training.loop import compile_step
from gemma3_jax.training.objective import compute_dtype
from gemma3_jax.training.sources import Resident, load_resident
from gemma3_jax.training.state import abstract_state
from gemma3_jax.types import Batch

TOPOLOGIES = ("v5e:2x4", "v5e:16x16", "v5p:2x2x2", "v4:2x2x1", "v6e:2x4")
CONFIG_CHIPS = 8  # that the counts of configs/tpu_pod.py are meant for
PICTURES, PICTURE = 8, (736, 1280)  # read per chip at once, their height and width in px
WORDS = 20_000  # of a pack; only the size of the resident table depends on it


def described(tree: Any, shardings: Any) -> Any:
    """Shapes of `tree` laid out by one sharding or a tree of them: what is compiled for, nothing is computed."""
    if isinstance(shardings, jax.sharding.Sharding):
        shardings = jax.tree.map(lambda _, one=shardings: one, tree)
    return jax.tree.map(
        lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
        tree,
        shardings,
    )


def scaled(config: Config, devices: float) -> Config:
    """`config` with the samples a device has on `CONFIG_CHIPS` devices on each of `devices`."""
    counts = {n: round(getattr(config.data, n) * devices / CONFIG_CHIPS) for n in meshes.COUNTS}
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **counts))


def training_program(config: Config, mesh: Mesh, cache: Path) -> Any:
    """The trainer's own step over `mesh`, lowered."""
    data, whole = config.data, meshes.replicated(mesh)
    state = abstract_state(config)
    studio = words = scenes = None
    if data.strips or data.scenes:
        drawn_only = dataclasses.replace(config, data=dataclasses.replace(data, real_strips=0))
        studio = load_resident(drawn_only, cache, None).studio
    if data.real_strips:
        shapes = ((WORDS, 32, 128, 3), (WORDS,), (WORDS, data.max_label), (WORDS,))
        words = _shapes(WordTable, shapes, (jnp.uint8, jnp.float32, jnp.int32, jnp.float32))
    if data.real_scenes:
        b, px, n = data.real_scenes, data.scene_size, data.scene_words
        shapes = ((b, px, px, 3), (b, n, 4, 2), (b, n, data.max_label), (b, n), (b, n))
        scenes = _shapes(Batch, shapes, (jnp.uint8, jnp.float32, jnp.int32, bool, bool))
        scenes = described(scenes, meshes.batched(mesh))
    arguments = (
        described(state, meshes.state_shardings(mesh, state)),
        described(Resident(studio, words), whole),
        scenes,
    )
    # The step asks which backend this process has; the program is for another.
    with patch.object(objective, "compute_dtype", lambda config, _: compute_dtype(config, "tpu")):
        return compile_step(config, mesh, state).lower(*arguments)


def reading_program(config: Config, mesh: Mesh, pictures: int, size: tuple[int, int]) -> Any:
    """`spot` over `pictures` a device, lowered."""
    variables = jax.eval_shape(lambda: init_variables(config.model, jax.random.key(0)))
    images = jax.ShapeDtypeStruct((pictures * mesh.size, *size, 3), jnp.uint8)
    return spot.lower(
        described(variables, meshes.replicated(mesh)),
        described(images, meshes.batched(mesh)),
        config=config.model,
        dtype=compute_dtype(config, "tpu"),
    )


def _shapes(kind: Any, shapes: Any, dtypes: Any) -> Any:
    return kind(*(jax.ShapeDtypeStruct(s, d) for s, d in zip(shapes, dtypes, strict=True)))


def measure(lowered: Any, mesh: Mesh, keep: Path | None) -> dict[str, Any]:
    """Compile and read everything off the executable, whose text goes to `keep`."""
    chip = CHIPS[mesh.devices.flat[0].device_kind]
    begun = time.perf_counter()
    compiled = lowered.compile()
    seconds = time.perf_counter() - begun
    cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
    program, flops, touched = compiled.as_text(), cost["flops"], cost["bytes accessed"]
    if keep is not None:
        keep.write_text(program)
    return {
        "devices": mesh.size,
        "chip": chip.name,
        "flops": flops,
        "bytes": touched,
        "arguments": memory.argument_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "all": memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.generated_code_size_in_bytes,
        "hbm": chip.memory,
        "collectives": collectives(program),
        "cycles": {name: cycles(program)[name] for name in PHASES},
        "compute_ms": 1e3 * flops / chip.flops,
        "memory_ms": 1e3 * touched / chip.bandwidth,
        "compile_s": seconds,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, one line a program."""
    head = (
        "| program | slice | strips, scenes or pictures a chip | G flops | GB read and written | arguments, temporaries, "
        "all with code, of HBM | collectives (MB) | compute, memory roofline | compiled in |\n"
        + "|---" * 9
        + "|"
    )
    lines = [head]
    for row in rows:
        sent = ", ".join(
            f"{count} {kind} ({size / 1e6:.1f})"
            for kind, (count, size) in row["collectives"].items()
        )
        held = ", ".join(f"{row[name] / 1e9:.2f}" for name in ("arguments", "temporaries", "all"))
        lines.append(
            f"| {row['program']} | {row['topology']} | {row['samples']} | {row['flops'] / 1e9:.0f} "
            f"| {row['bytes'] / 1e9:.1f} | {held} of {row['hbm'] / 1e9:.0f} GB | {sent or 'none'} "
            f"| {row['compute_ms']:.2f}, {row['memory_ms']:.1f} ms | {row['compile_s']:.0f} s |"
        )
    return "\n".join(lines)


def phases(rows: list[dict[str, Any]]) -> str:
    """Markdown: the compiler's own estimate by phase, in millions of cycles."""
    lines = [f"| program | slice | {' | '.join(PHASES)} | all |", "|---" * (len(PHASES) + 3) + "|"]
    for row in rows:
        cells = " | ".join(f"{row['cycles'][name] / 1e6:.1f}" for name in PHASES)
        total = sum(row["cycles"].values()) / 1e6
        lines.append(f"| {row['program']} | {row['topology']} | {cells} | {total:.1f} |")
    return "\n".join(lines)


def one(args: argparse.Namespace, topology: str, program: str) -> dict[str, Any]:
    """Compile `program` ("train" or "spot") for `topology`."""
    # On Cloud TPU the two cores of a v4 chip are one device, as those of v5p are here without being told.
    options = {"chip_config_name": "megacore"} if topology.startswith("v4:") else {}
    slice_ = topologies.get_topology_desc(topology_name=topology, platform="tpu", **options)
    mesh = meshes.build_mesh(devices=slice_.devices)
    config = scaled(load_config(args.config, args.set), mesh.size)
    if program == "train":
        counts = [getattr(config.data, name) // mesh.size for name in meshes.COUNTS]
        samples = f"{counts[0] + counts[1]}, {counts[2] + counts[3]}"
        lowered = training_program(config, mesh, args.cache)
    else:
        samples = f"{args.pictures} of {PICTURE[1]} x {PICTURE[0]} px"
        lowered = reading_program(config, mesh, args.pictures, PICTURE)
    keep = args.hlo and args.hlo / f"{topology.replace(':', '_')}_{program}{args.label}.txt"
    return {
        "program": program + args.label,
        "topology": topology,
        "samples": samples,
        **measure(lowered, mesh, keep),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="a JSON object a line; continued when it exists")
    add("--config", type=Path, default=Path("configs/tpu_pod.py"))
    add("--set", action="extend", nargs="+", default=[], metavar="NAME=VALUE")
    add("--topologies", nargs="+", default=TOPOLOGIES)
    add("--programs", nargs="+", default=("train", "spot"), choices=("train", "spot"))
    add("--pictures", type=int, default=PICTURES, help="read by a chip at once")
    add("--label", default="", help="added to the program's name, to tell variants apart")
    add("--hlo", type=Path, help="folder for the optimised programs, to look at")
    add("--cache", type=Path, default=Path(".cache/gemma3_jax"), help="packs, as of train.py")
    args = parser.parse_args()
    rows = (
        [json.loads(line) for line in args.out.read_text().splitlines()]
        if args.out.exists()
        else []
    )
    for topology in args.topologies:
        for program in args.programs:
            if any((r["program"], r["topology"]) == (program + args.label, topology) for r in rows):
                continue
            rows.append(one(args, topology, program))
            with args.out.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print(phases(rows[-1:]), flush=True)
    print(table(rows), phases(rows), sep="\n\n")


if __name__ == "__main__":
    main()
