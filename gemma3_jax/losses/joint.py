"""L_total = lambda_det * L_det + lambda_rec * L_rec."""

from __future__ import annotations

from jaxtyping import Array, Float

from gemma3_jax.data.targets import DetectionTargets
from gemma3_jax.losses.focal import focal_loss
from gemma3_jax.losses.geometry import corner_loss
from gemma3_jax.types import DetectionMaps

CORNER_WEIGHT = 2.0


def detection_loss(maps: DetectionMaps, targets: DetectionTargets) -> dict[str, Float[Array, ""]]:
    """`det` = focal + CORNER_WEIGHT * corners, and its two terms."""
    focal = focal_loss(maps.centre, targets.heat, targets.heat_weight)
    corners = corner_loss(maps.corners, targets.corners, targets.height, targets.corner_weight)
    return {"focal": focal, "corners": corners, "det": focal + CORNER_WEIGHT * corners}


def total_loss(
    det: Float[Array, ""], rec: Float[Array, ""], lambda_det: float, lambda_rec: float
) -> Float[Array, ""]:
    """The joint objective of the two heads on their shared backbone."""
    return lambda_det * det + lambda_rec * rec
