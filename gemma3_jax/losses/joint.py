"""L_total = lambda_det * L_det + lambda_rec * L_rec."""

from __future__ import annotations

from jaxtyping import Array, Float

from gemma3_jax.data.targets import DetectionTargets
from gemma3_jax.decoding.centres import seen_from_ends
from gemma3_jax.losses.focal import focal_loss
from gemma3_jax.losses.geometry import corner_loss, iou_loss
from gemma3_jax.types import DetectionMaps

CORNER_WEIGHT, IOU_WEIGHT, ENDS_WEIGHT = 1.0, 1.0, 2.0


def detection_loss(maps: DetectionMaps, targets: DetectionTargets) -> dict[str, Float[Array, ""]]:
    """`det`, the weighed sum of its terms: `focal`, `corners`, `iou` (of the box that each cell sees) and `ends`.

    `ends` is the IoU loss of the boxes as they are decoded, the corners of either end from the cells near it.
    """
    focal = focal_loss(maps.centre, targets.heat, targets.heat_weight)
    corners = corner_loss(maps.corners, targets.corners, targets.tolerance, targets.corner_weight)
    iou = iou_loss(maps.corners, targets.corners, targets.corner_weight)
    boxes = seen_from_ends(targets.quads, maps.corners)
    # to the loss a row of words is a picture of one row of cells
    ends = iou_loss(boxes[:, None], targets.quads[:, None], targets.found[:, None])
    det = focal + CORNER_WEIGHT * corners + IOU_WEIGHT * iou + ENDS_WEIGHT * ends
    return {"focal": focal, "corners": corners, "iou": iou, "ends": ends, "det": det}


def total_loss(
    det: Float[Array, ""], rec: Float[Array, ""], lambda_det: float, lambda_rec: float
) -> Float[Array, ""]:
    """The joint objective of the two heads on their shared backbone."""
    return lambda_det * det + lambda_rec * rec
