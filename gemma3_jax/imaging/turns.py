"""Where a point of a turned picture, or of a turned PDF page, lies on the upright one that is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# EXIF 2.3, tag 274: xy from the picture's centre, as stored -> as shown, y downwards
ORIENTATIONS = {
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, -1), (-1, 0)),
    8: ((0, 1), (-1, 0)),
}
CLOCKWISE = {0: 1, 90: 6, 180: 3, 270: 8}  # a PDF page's /Rotate, degrees -> the EXIF orientation


def image_matrix(orientation: int, width: float, height: float) -> list[float]:
    """PDF's `a b c d e f` that puts a stored picture upright on a page of `width` x `height` points.

    PDF draws a picture on the unit square, y upwards; an EXIF orientation that does not exist counts as 1.
    """
    (xx, xy), (yx, yy) = ORIENTATIONS.get(orientation, ORIENTATIONS[1])
    a, b, c, d = width * xx, -height * yx, -width * xy, height * yy
    return [a, b, c, d, (width - a - c) / 2, (height - b - d) / 2]


def pixels_to_points(
    box: Sequence[float], rotation: int, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """(matrix [2, 2], offset [2]): `xy @ matrix + offset` are the PDF's own coordinates of a pixel.

    `box` is (left, bottom, right, top) of what the page shows, `rotation` its /Rotate in degrees, `width` x `height` the
    pixels of the page as it is shown.
    """
    left, bottom, right, top = box
    turn = np.array(ORIENTATIONS[CLOCKWISE[rotation % 360]], float)  # as stored -> as shown
    stored = np.diag([1 / width, 1 / height]) @ turn  # xy @ stored: back to as stored, 0..1
    matrix = stored @ np.diag([right - left, bottom - top])
    centre = np.array([(left + right) / 2, (bottom + top) / 2])
    return matrix, centre - np.array([width / 2, height / 2]) @ matrix


def visible_box(crop: Sequence[float], media: Sequence[float]) -> list[float]:
    """(left, bottom, right, top) of what viewers show of a PDF page: its crop box as far as it lies on its media box.

    Either box may be given by any two opposite corners.
    """
    boxes = np.array([crop, media], float).reshape(2, 2, 2)
    low, high = boxes.min(axis=1).max(axis=0), boxes.max(axis=1).min(axis=0)
    return [*low.tolist(), *high.tolist()]
