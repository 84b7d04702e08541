"""Pictures of what a state finds and reads, to look at during training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gemma3_jax.config import Config
from gemma3_jax.data.scenes import SCENE_WEIGHTS, real_scenes
from gemma3_jax.decoding.lattice import collapse
from gemma3_jax.page import Line, Page, Word
from gemma3_jax.training.sources import Resident, scenes_of_step
from gemma3_jax.types import Batch
from gemma3_jax.writers.drawing import draw

Pictures = Callable[[dict[str, Any]], dict[str, np.ndarray]]

SHOWN = 4  # scenes
# A step that no run reaches: drawn scenes at full difficulty, not those of training.
NEVER = 2**31 - 1
SIDE_PX = 640  # of a picture in the log: a run keeps many of them


def validation_scenes(config: Config, data_dir: Path, resident: Resident) -> Batch | None:
    """The few scenes that are shown: of the validation parts where training has real scenes, drawn ones where it has drawn."""
    from gemma3_jax.data.pipeline.feed import Bucket, ScenePipeline

    data = config.data
    if data.real_scenes:
        bucket = Bucket((data.scene_size, data.scene_size), data.scene_words)
        pool = real_scenes(data_dir, "val", SCENE_WEIGHTS)
        return ScenePipeline(pool, SHOWN, (bucket,), seed=config.seed)[0]
    if data.scenes:
        drawn = jax.jit(
            lambda resident: scenes_of_step(config, resident, jnp.asarray(NEVER), None)
        )(resident)
        return jax.tree.map(lambda x: np.asarray(x)[:SHOWN], drawn)
    return None


def scene_pictures(config: Config, scenes: Batch) -> Pictures:
    """A function of variables: `scenes` with the boxes and texts that the model sees in them, uint8 [h, w, 3] by name."""
    from PIL import Image

    from gemma3_jax.model.spotter import spot

    images = np.asarray(scenes.images)
    alphabet = config.model.alphabet

    def look(variables: dict[str, Any]) -> dict[str, np.ndarray]:
        slots = min(32, scenes.quads.shape[1])
        found = jax.device_get(spot(variables, images, config=config.model, slots=slots))
        drawn = {}
        for index, image in enumerate(images):
            words = []
            for slot in np.flatnonzero(found.valid[index]):
                text = alphabet.decode(collapse(found.tokens[index, slot])[0])
                sure = float(found.token_probs[index, slot].min())
                words.append(Word(text, sure, found.quads[index, slot]))
            height, width = image.shape[:2]
            page = Page(width, height, tuple(Line((word,)) for word in words))
            picture = draw(page, image, style="overlay")
            picture.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
            drawn[f"scene{index}"] = np.asarray(picture)
        return drawn

    return look
