"""Command line of train.py: config file in, checkpoints, metrics and a released model out."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from gemma3_jax.charset import PRINTABLE_ASCII
from gemma3_jax.config import Config, build


def load_config(path: Path, overrides: list[str]) -> Config:
    """The `config` of a Python file, with `a.b=value` overrides.

    Raises:
        ValueError: naming a file without `config` or an unknown entry.
    """
    import json

    config = runpy.run_path(str(path)).get("config")
    if not isinstance(config, Config):
        raise ValueError(f"{path} defines no `config = Config(...)`")
    values = dataclasses.asdict(config)
    for override in overrides:
        name, _, text = override.partition("=")
        *parents, leaf = name.split(".")
        place = values
        for parent in parents:
            place = place.get(parent, {})
        if leaf not in place:
            raise ValueError(f"--set {override}: config has no entry {name!r}")
        place[leaf] = text if isinstance(place[leaf], str) else json.loads(text)
    return build(Config, values)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gemma3-ocr train", description=__doc__)
    add = parser.add_argument
    add("--config", type=Path, required=True, help="a file of configs/")
    add("--workdir", required=True, help="folder of the run, or gs://BUCKET/RUN")
    cache = Path(os.environ.get("GEMMA3_CACHE", ".cache/gemma3_jax"))
    add("--cache", type=Path, default=cache, help="packs and compiled programs")
    data = Path("../shared/data")
    add("--data", type=Path, default=data, help="real data, for scenes and word lists")
    add("--budget-minutes", type=float, default=math.inf)
    add("--set", action="extend", nargs="+", default=[], metavar="NAME=VALUE")
    add("--log-every", type=int, default=50)
    add("--validate-every", type=int, default=1000)
    add("--save-every", type=int, default=500)
    add("--keep", type=int, default=2, help="newest states to keep, beside the best")
    add("--tensorboard", action="store_true", help="scalars and pictures in WORKDIR/tensorboard")
    add("--profile", metavar="DIR", help="XProf trace of five steps, after the tenth")
    add("--release", type=Path, help="write the averaged model here at the end")
    add("--from-pack", metavar="DIR", help="begin at this packed state, unless WORKDIR has one")
    add("--to-pack", metavar="DIR", help="pack the last state here (docs/training.md, legs)")
    add("--mesh", default="", metavar="data=8[,fsdp=2]", help="all devices on data by default")
    hosts = parser.add_argument_group("several processes (found out on Cloud TPU and Slurm)")
    hosts.add_argument("--hosts", choices=("auto", "one", "many"), default="auto")
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0")
    hosts.add_argument("--process-id", type=int)
    hosts.add_argument("--process-count", type=int)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run one experiment; see train.py. A run that SIGTERM ended exits with status 143."""
    args = parse(arguments)
    config = load_config(args.config, args.set)
    start_jax(args)
    from gemma3_jax.data.real import load_pack
    from gemma3_jax.pretrained import load_variables, save_pretrained
    from gemma3_jax.training.hosts import is_lead
    from gemma3_jax.training.loop import Schedule, train
    from gemma3_jax.training.mesh import build_mesh, on_host, parse_mesh
    from gemma3_jax.training.preemption import EXIT_STATUS, Preempted
    from gemma3_jax.training.sources import host_scenes, load_resident
    from gemma3_jax.training.state import released_variables
    from gemma3_jax.training.validate import word_validator

    mesh = build_mesh(parse_mesh(args.mesh) if args.mesh else None)
    _unpack(args)
    wordlists = args.data / "wordlists"
    resident = load_resident(config, args.cache, wordlists if wordlists.exists() else None)
    val_pack = args.cache / "words_val.npz"
    validates = val_pack.exists() and config.model.charset == PRINTABLE_ASCII  # as its labels are
    try:
        state = train(
            config,
            resident,
            args.workdir,
            scenes=(lambda first: host_scenes(config, args.data, first))
            if config.data.real_scenes
            else None,
            variables=load_variables(config.start_from) if config.start_from else None,
            validate=word_validator(config, load_pack(val_pack), mesh) if validates else None,
            pictures=_pictures(config, args, resident) if args.tensorboard else None,
            schedule=Schedule(
                args.log_every,
                args.validate_every,
                args.save_every,
                args.budget_minutes,
                args.keep,
            ),
            mesh=mesh,
            tensorboard=args.tensorboard,
            profile=args.profile,
        )
    except Preempted:  # the log says so
        sys.exit(EXIT_STATUS)
    if args.release:
        variables = on_host(released_variables(state))
        if is_lead():
            save_pretrained(args.release, config.model, variables)
    if args.to_pack and is_lead():
        from gemma3_jax.training.packed import pack

        print(pack(args.workdir, args.to_pack))


def start_jax(args: argparse.Namespace) -> None:
    """Join the other processes, count the CPU's devices and turn the compilation cache on, before any computation."""
    import jax

    from gemma3_jax.training.hosts import join

    if os.environ.get("JAX_PLATFORMS", "") == "cpu" or not _has_accelerator():
        # One device per core: XLA's CPU programs use one core well and two badly (docs/performance.md).
        devices = len(os.sched_getaffinity(0))
        if args.mesh:
            from gemma3_jax.training.mesh import parse_mesh

            devices = math.prod(parse_mesh(args.mesh).values()) // (args.process_count or 1)
        jax.config.update("jax_num_cpu_devices", max(1, devices))
    jax.config.update("jax_compilation_cache_dir", str(args.cache.resolve() / "xla"))
    join(args.hosts, args.coordinator, args.process_id, args.process_count)


def _unpack(args: argparse.Namespace) -> None:
    """Put the packed state where the run will look for its own, if one is given and none is there."""
    from etils import epath

    from gemma3_jax.training.hosts import all_of_us, is_lead
    from gemma3_jax.training.packed import unpack

    if args.from_pack and is_lead() and not (epath.Path(args.workdir) / "checkpoints").exists():
        print(unpack(args.from_pack, args.workdir))
    all_of_us(True)  # the others wait for the files


def _pictures(config: Config, args: argparse.Namespace, resident: Any) -> Any:
    from gemma3_jax.training.pictures import scene_pictures, validation_scenes

    scenes = validation_scenes(config, args.data, resident)
    return None if scenes is None else scene_pictures(config, scenes)


def _has_accelerator() -> bool:
    from importlib.util import find_spec

    return any(find_spec(name) for name in ("jax_cuda12_plugin", "jax_cuda13_plugin", "libtpu"))
