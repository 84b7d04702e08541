"""Command line of train.py: config file in, checkpoints, metrics and a released model out."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import runpy
from pathlib import Path

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
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument(
        "--cache", type=Path, default=Path(os.environ.get("GEMMA3_CACHE", ".cache/gemma3_jax"))
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("../shared/data"),
        help="real data, for scenes and word lists",
    )
    parser.add_argument("--budget-minutes", type=float, default=math.inf)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--log-every", type=int, default=50)
    parser.add_argument("--validate-every", type=int, default=1000)
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--release", type=Path, help="write the averaged model here at the end")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run one experiment; see train.py."""
    args = parse(arguments)
    config = load_config(args.config, args.set)
    import jax

    if os.environ.get("JAX_PLATFORMS", "") == "cpu" or not _has_accelerator():
        # One device per core: XLA's CPU programs use one core well and two badly (docs/performance.md).
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    jax.config.update("jax_compilation_cache_dir", str(args.cache.resolve() / "xla"))
    from gemma3_jax.data.real import load_pack
    from gemma3_jax.pretrained import load_variables, save_pretrained
    from gemma3_jax.training.loop import Schedule, train
    from gemma3_jax.training.sources import host_scenes, load_resident
    from gemma3_jax.training.state import released_variables
    from gemma3_jax.training.validate import word_validator

    wordlists = args.data / "wordlists"
    resident = load_resident(config, args.cache, wordlists if wordlists.exists() else None)
    val_pack = args.cache / "words_val.npz"
    args.workdir.mkdir(parents=True, exist_ok=True)
    state = train(
        config,
        resident,
        args.workdir,
        scenes=(lambda first: host_scenes(config, args.data, first))
        if config.data.real_scenes
        else None,
        variables=load_variables(config.start_from) if config.start_from else None,
        validate=word_validator(config, load_pack(val_pack)) if val_pack.exists() else None,
        schedule=Schedule(
            args.log_every, args.validate_every, args.save_every, args.budget_minutes
        ),
    )
    if args.release:
        save_pretrained(args.release, config.model, released_variables(state))


def _has_accelerator() -> bool:
    from importlib.util import find_spec

    return any(find_spec(name) for name in ("jax_cuda12_plugin", "jax_cuda13_plugin", "libtpu"))
