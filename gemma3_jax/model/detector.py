"""Where the words are: one centre heat-map and four corners per cell (CenterNet, Zhou et al. 2019, with quads)."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from gemma3_jax.config import ModelConfig
from gemma3_jax.model.layers import SeparableBlock
from gemma3_jax.types import DetectionMaps

# A word's centre is rare: start the heat-map at p = 0.01, or the focal loss of the empty cells
# drowns the first steps (RetinaNet, Lin et al. 2017, section 4.1).
PRIOR_LOGIT = -4.6
# Corners lie up to tens of cells away: outputs of order one must reach them, or the last layer spends the run growing.
CORNER_SCALE = 8.0  # cells


class Detector(nn.Module):
    """Fused map at stride 4 -> DetectionMaps in float32. Corners come in reading order, so rotation needs no angle."""

    config: ModelConfig
    train: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> DetectionMaps:
        c = self.config
        for i in range(c.detector_depth):
            x = SeparableBlock(c.neck_width, (1, 1), self.train, c.depthwise, name=f"block{i}")(x)
        centre = nn.Dense(1, bias_init=nn.initializers.constant(PRIOR_LOGIT), name="centre")(x)
        corners = nn.Dense(8, name="corners")(x)
        centre, corners = (jnp.asarray(y, jnp.float32) for y in (centre, corners))
        return DetectionMaps(
            centre[..., 0], CORNER_SCALE * corners.reshape(*corners.shape[:-1], 4, 2)
        )
