"""How many word crops a second the device draws.

    python benchmarks/synthetic.py --batch 128 --steps 10

One core of a two-core cloud CPU that trains on the other: 0.82 ms of CPU per crop with 895 faces (measured, see `cpu_ms`).
"""

from __future__ import annotations

import time
from pathlib import Path

import jax
import tyro

from gemma3_jax.data.backgrounds import procedural_backgrounds
from gemma3_jax.data.glyphs import load_atlas
from gemma3_jax.data.lexicon import load_lexicon
from gemma3_jax.data.synthetic import draw_strips, prepare


def main(
    batch: int = 128, steps: int = 10, difficulty: float = 1.0, wordlists: Path | None = None
) -> None:
    """Compile, draw `steps` batches of `batch` crops and print the rate (device time, and this process's CPU time)."""
    studio = prepare(load_atlas(), load_lexicon(wordlists), procedural_backgrounds())
    draw = jax.jit(
        lambda key, studio, start: draw_strips(
            key, studio, batch=batch, start=start, difficulty=difficulty
        )
    )
    key = jax.random.key(0)
    begun = time.perf_counter()
    jax.block_until_ready(draw(key, studio, 0))
    print(f"compiled and drawn once in {time.perf_counter() - begun:.1f} s on {jax.devices()[0]}")
    begun, cpu = time.perf_counter(), time.process_time()
    for step in range(steps):
        jax.block_until_ready(draw(key, studio, step * batch))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    crops = steps * batch
    print(
        f"faces={studio.atlas.faces} crops_per_s={crops / seconds:.0f} cpu_ms={1e3 * cpu / crops:.2f}"
    )


if __name__ == "__main__":
    tyro.cli(main)
