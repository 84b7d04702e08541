"""How fast a training step is and where its time goes, on whatever JAX finds here.

    python -m benchmarks.train_step --config configs/tpu_pod.py --devices 1 2 4 8 --steps 20 --depthwise
    python -m benchmarks.train_step --config configs/base_joint.py --set data.real_strips=0 data.real_scenes=0 data.strips=16
    python -m benchmarks.train_step --config configs/tpu_pod.py --kinds joint --profile runs/trace     # for XProf

Every row is measured in a process of its own, with the trainer's compilation cache. Model flops are counted by this program
(three times the forward pass; Chowdhery et al. 2022, appendix B) and set against the published peak of known chips, else
against a measured matrix product. Several devices of a CPU are forced, and share its cores: their rows show overhead.
Needs no tyro and, without `--data`, no grain: it runs where only the training core is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HEAD = (
    "| samples a step | devices | samples/s | step ms | draw | forward | backward | update | host wait | model Tflop/s "
    "| of peak | compiled in |\n" + "|---" * 12 + "|"
)


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--config", type=Path, required=True)
    add("--set", action="extend", nargs="+", default=[], metavar="NAME=VALUE")
    add("--kinds", nargs="+", default=("strips", "scenes", "joint"))
    add("--devices", nargs="+", type=int, default=(1,), help="the same step on so many devices")
    add("--steps", type=int, default=10, help="timed, of each part")
    add("--data", type=Path, help="real scenes for the host to cut; noise without")
    add("--cache", type=Path, default=Path(os.environ.get("GEMMA3_CACHE", ".cache/gemma3_jax")))
    add("--profile", metavar="DIR", help="an XProf trace of three steps")
    add("--depthwise", action="store_true", help="compare the depthwise implementations too")
    add("--depthwise-batch", type=int, default=64)
    add("--only", metavar="KIND:DEVICES", help="measure in this process and print JSON")
    return parser.parse_args(arguments)


def measured(args: argparse.Namespace) -> Any:
    """What `--only` names, in this process."""
    kind, _, devices = args.only.partition(":")
    from gemma3_jax.training.cli import load_config, parse, start_jax

    config = load_config(args.config, args.set)
    places = ["--mesh", f"data={devices}", "--hosts", "one", "--cache", str(args.cache)]
    start_jax(parse(["--config", str(args.config), "--workdir", "", *places]))
    import jax

    from benchmarks import step_parts
    from gemma3_jax.training.mesh import build_mesh
    from gemma3_jax.training.objective import compute_dtype

    if kind == "depthwise":
        dtype = compute_dtype(config, jax.default_backend())
        return step_parts.compare_depthwise(args.depthwise_batch, dtype, args.steps)
    config, mesh = step_parts.only(config, kind), build_mesh({"data": int(devices)})
    found = step_parts.measure(config, mesh, args.cache, args.data, args.steps, args.profile)
    peak, source = step_parts.peak_flops(mesh)
    counts = {name: getattr(config.data, name) for name in step_parts.KINDS["joint"]}
    return found | counts | {"devices": int(devices), "peak": peak, "source": source}


def row(found: dict[str, Any]) -> str:
    """A line of the table."""
    strips = found["strips"] + found["real_strips"]
    scenes = found["scenes"] + found["real_scenes"]
    pairs = [(strips, "strips"), (scenes, "scenes")]
    samples = " + ".join(f"{count} {name}" for count, name in pairs if count)
    seconds = 1e-3 * (found["step_ms"] + found["host_wait_ms"])
    rates = " + ".join(f"{count / seconds:,.0f} {name}" for count, name in pairs if count)
    flops = 3 * found["forward_flops"] / seconds
    parts = " | ".join(
        f"{found[f'{part}_ms']:.1f} ({0.1 * found[f'{part}_ms'] / seconds:.0f} %)"
        for part in ("draw", "forward", "backward", "update", "host_wait")
    )
    return (
        f"| {samples} | {found['devices']} | {rates} | {found['step_ms']:.1f} | {parts} | {1e-12 * flops:.3g} "
        f"| {100 * flops / found['peak']:.1f} % | {found['compile_s']:.0f} s |"
    )


def child(what: str) -> Any:
    """`--only what` in a fresh process, with the arguments of this one; None, and the reason, where it failed."""
    command = [sys.executable, "-m", "benchmarks.train_step", *sys.argv[1:], "--only", what]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{what}: failed with status {done.returncode}, see above", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    args = options()
    if args.only:
        print(json.dumps(measured(args)))
        return
    peaks = {}
    print(HEAD, flush=True)
    for devices in args.devices:
        for kind in args.kinds:
            if found := child(f"{kind}:{devices}"):
                print(row(found), flush=True)
                peaks[devices] = f"{1e-12 * found['peak']:.4g} Tflop/s ({found['source']})"
    print("\npeak: " + "; ".join(f"{n} device(s) {peak}" for n, peak in peaks.items()))
    if args.depthwise and (rows := child("depthwise:1")):
        print("\n| map | implementation | forward ms | with both gradients ms |\n|---|---|---|---|")
        for size, name, forward, both in rows:
            print(f"| {size} | {name} | {forward:.2f} | {both:.2f} |")


if __name__ == "__main__":
    main()
