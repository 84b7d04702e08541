"""How many word crops or scenes a second the device draws.

    python benchmarks/synthetic.py --batch 128 --steps 10
    python benchmarks/synthetic.py --scenes --batch 4 --steps 5

One core of a two-core cloud CPU that trains on the other, 895 faces (measured, see `cpu_ms`): 0.82 ms of CPU per crop,
32 ms per scene of 320 px with 32 words.
"""

from __future__ import annotations

import time
from pathlib import Path

import jax
import tyro

from gemma3_jax.data.atlas_cache import load_atlas
from gemma3_jax.data.backgrounds import procedural_backgrounds
from gemma3_jax.data.drawn_scenes import draw_scenes
from gemma3_jax.data.lexicon import load_lexicon
from gemma3_jax.data.synthetic import draw_strips, prepare


def main(
    batch: int = 128,
    steps: int = 10,
    difficulty: float = 1.0,
    wordlists: Path | None = None,
    scenes: bool = False,
    size: int = 320,
    words: int = 32,
) -> None:
    """Compile, draw `steps` batches of `batch` crops and print the rate (device time, and this process's CPU time).

    scenes: whole scenes of `size` px with up to `words` words instead of crops.
    """
    studio = prepare(load_atlas(), load_lexicon(wordlists), procedural_backgrounds())
    common = {"batch": batch, "difficulty": difficulty}

    @jax.jit
    def draw(key, studio, start):
        if scenes:
            return draw_scenes(key, studio, start=start, size=(size, size), words=words, **common)
        return draw_strips(key, studio, start=start, **common)

    key = jax.random.key(0)
    begun = time.perf_counter()
    jax.block_until_ready(draw(key, studio, 0))
    print(f"compiled and drawn once in {time.perf_counter() - begun:.1f} s on {jax.devices()[0]}")
    begun, cpu = time.perf_counter(), time.process_time()
    for step in range(steps):
        jax.block_until_ready(draw(key, studio, step * batch))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    count, what = steps * batch, "scenes" if scenes else "crops"
    print(
        f"faces={studio.atlas.faces} {what}_per_s={count / seconds:.0f} cpu_ms={1e3 * cpu / count:.2f}"
    )


if __name__ == "__main__":
    tyro.cli(main)
