"""What a step is fed with: text drawn on the device, real crops in device memory, real scenes from the host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, Config
from gemma3_jax.data.augment import WordTable, concatenate, real_strips, word_table
from gemma3_jax.decoding.boxes import with_margin
from gemma3_jax.training.teacher import Teacher
from gemma3_jax.types import Batch

if TYPE_CHECKING:
    from gemma3_jax.data.pipeline.feed import Workers

MOST_THREADS = 8  # cutting scenes, when nobody says how many


class Resident(NamedTuple):
    """Everything a step draws from that lives in device memory for the whole run."""

    studio: Any  # data.synthetic.Studio: glyphs, word lists, backgrounds
    words: WordTable | None
    teacher: Teacher | None = None


def load_resident(config: Config, cache: Path, wordlists: Path | None) -> Resident:
    """Atlas and backgrounds from `cache` (built there from installed fonts when absent) and the real word pack.

    Raises:
        FileNotFoundError: when `real_strips` asks for a word pack that is not in `cache`.
    """
    from gemma3_jax.data.atlas_cache import atlas_name, load_atlas
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
    atlas = load_atlas(charset, cache=cache / atlas_name(charset))
    patches = load_backgrounds(cache / "backgrounds.npz")
    teacher = Teacher.load(config.teacher, config.model) if config.teacher else None
    return Resident(prepare(atlas, load_lexicon(wordlists, charset), patches), words, teacher)


# Drawn quads hug the ink; annotators of photographs leave air around it. With both in one run, boxes came out a quarter too
# thin on photographs (docs/training_log.md, run 4).
AIR = (0.1, 0.12)


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
    """Drawn scenes of a step, a function of seed and step, joined by the real ones that the host has cut.

    Where there are real ones the drawn take their size and slots: a step has one shape, that of its bucket.
    """
    from gemma3_jax.data.drawn_scenes import draw_scenes

    data = config.data
    if not data.scenes:
        return real
    size, words = (data.scene_size, data.scene_size), data.scene_words
    if real is not None:
        size, words = real.images.shape[1:3], real.quads.shape[1]
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(config.seed + 1), step), 2)
    drawn = draw_scenes(
        key,
        resident.studio,
        batch=data.scenes,
        size=size,
        words=words,
        max_label=data.max_label,
        difficulty=difficulty(config, step),
    )
    drawn = drawn._replace(quads=with_margin(drawn.quads, AIR))
    return drawn if real is None else concatenate(drawn, real)


def host_scenes(
    config: Config, data_dir: Path, first_step: int, workers: Workers | None = None
) -> Iterator[Batch]:
    """This process's share of the real scenes of every step from `first_step` on, cut ahead of time (`data.pipeline`).

    `config.data` says which sets and folders, how much of each, and in which static shapes; the drawn scenes' share of a step
    is the count `scenes` beside `real_scenes`. Says once how many words there are to read and to find. `workers`: by default
    a thread for every other core, `MOST_THREADS` at most.
    """
    from gemma3_jax.data.pipeline.feed import Bucket, ScenePipeline, Workers
    from gemma3_jax.data.pipeline.texts import TextRule
    from gemma3_jax.data.scenes import SCENE_WEIGHTS, real_scenes

    data = config.data
    buckets = data.scene_buckets or ((data.scene_size, data.scene_words, 1.0),)
    pipeline = ScenePipeline(
        real_scenes(data_dir, "train", data.scene_weights or SCENE_WEIGHTS, data.own_scenes),
        batch=data.real_scenes,
        buckets=tuple(Bucket((px, px), words, share) for px, words, share in buckets),
        seed=config.seed,
        rule=TextRule(config.model.alphabet, data.max_label),
        shard=(jax.process_index(), jax.process_count()),
    )
    if jax.process_index() == 0:
        print(f"real scenes: {pipeline.text_counts()}", flush=True)
    threads = min(MOST_THREADS, max(1, (os.cpu_count() or 1) // 2))
    return pipeline.stream(first_step, workers or Workers(threads))
