"""What a step is fed with: text drawn on the device, real crops in device memory, real scenes from the host."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, Config
from gemma3_jax.data.augment import WordTable, concatenate, real_strips, word_table
from gemma3_jax.types import Batch


class Resident(NamedTuple):
    """Everything a step draws from that lives in device memory for the whole run."""

    studio: Any  # data.synthetic.Studio: glyphs, word lists, backgrounds
    words: WordTable | None


def load_resident(config: Config, cache: Path, wordlists: Path | None) -> Resident:
    """Atlas and backgrounds from `cache` (built there from installed fonts when absent) and the real word pack.

    Raises:
        FileNotFoundError: when `real_strips` asks for a word pack that is not in `cache`.
    """
    from gemma3_jax.data.glyphs import load_atlas
    from gemma3_jax.data.lexicon import load_lexicon
    from gemma3_jax.data.packs import load_backgrounds
    from gemma3_jax.data.synthetic import prepare

    charset = config.model.alphabet
    words = None
    if config.data.real_strips:
        from gemma3_jax.data.real import load_pack

        path = cache / "words_train.npz"
        if not path.exists():
            raise FileNotFoundError(
                f"{path}: data.real_strips={config.data.real_strips} needs a word pack; build it with "
                f"`python -m gemma3_jax.data.real --data DATA --out {path}` or set real_strips to 0"
            )
        words = word_table(load_pack(path), dict(config.data.real_weights))
    atlas = load_atlas(charset, cache=cache / "atlas.npz")
    patches = load_backgrounds(cache / "backgrounds.npz")
    return Resident(prepare(atlas, load_lexicon(wordlists, charset), patches), words)


def difficulty(config: Config, step: Array) -> Array:
    """Curriculum: 0 (short, clean, upright) to 1 (everything) over `curriculum_steps`."""
    if not config.data.curriculum_steps:
        return jnp.ones(())
    return jnp.clip(step / config.data.curriculum_steps, 0.0, 1.0)


def strips_of_step(config: Config, resident: Resident, step: Array) -> Batch | None:
    """Drawn and real word crops of a step: a function of seed and step, so a resumed run sees what it would have."""
    from gemma3_jax.data.synthetic import draw_strips

    data = config.data
    key = jax.random.fold_in(jax.random.key(config.seed + 1), step)
    parts = []
    if data.strips:
        parts.append(
            draw_strips(
                jax.random.fold_in(key, 0),
                resident.studio,
                batch=data.strips,
                height=CANVAS_HEIGHT,
                width=CANVAS_WIDTH,
                max_label=data.max_label,
                difficulty=difficulty(config, step),
            )
        )
    if data.real_strips and resident.words is not None:
        parts.append(real_strips(jax.random.fold_in(key, 1), resident.words, data.real_strips))
    if not parts:
        return None
    return concatenate(*parts) if len(parts) == 2 else parts[0]


def scenes_of_step(
    config: Config, resident: Resident, step: Array, real: Batch | None
) -> Batch | None:
    """Drawn scenes of a step, a function of seed and step, joined by the real ones that the host has cut."""
    from gemma3_jax.data.drawn_scenes import draw_scenes

    data = config.data
    if not data.scenes:
        return real
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(config.seed + 1), step), 2)
    drawn = draw_scenes(
        key,
        resident.studio,
        batch=data.scenes,
        size=(data.scene_size, data.scene_size),
        words=data.scene_words,
        max_label=data.max_label,
        difficulty=difficulty(config, step),
    )
    return drawn if real is None else concatenate(drawn, real)


def host_scenes(config: Config, data_dir: Path, first_step: int) -> Iterator[Batch]:
    """Real scene crops, cut two steps ahead in a thread; the crops of step s depend on seed and s alone."""
    from gemma3_jax.data.scenes import real_scenes, scene_batch

    data, pool = config.data, real_scenes(data_dir)
    ahead: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=2)

    def fill() -> None:
        step = first_step
        try:
            while True:
                size = (data.scene_size, data.scene_size)
                ahead.put(
                    scene_batch(
                        pool, config.seed, step, data.real_scenes, size, data.scene_words,
                        config.model.alphabet, data.max_label,
                    )
                )  # fmt: skip
                step += 1
        except BaseException as error:  # handed to the training thread, which raises it
            ahead.put(error)

    threading.Thread(target=fill, daemon=True, name="scenes").start()
    while True:
        item = ahead.get()
        if isinstance(item, BaseException):
            raise item
        yield item
