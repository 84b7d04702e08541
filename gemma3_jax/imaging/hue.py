"""Words that stand out by their colour and hardly by their brightness: green letters on brown planks, gold on green glass.

Shadows, highlights and the sides of raised letters change how bright a word is, not what colour it has, so that a picture of
colour alone may show what a picture of everything hides.
"""

from __future__ import annotations

import numpy as np

VIVID = 40.0  # levels between the 2nd and the 98th hundredth of the opponent colours, below which they are noise


def hued(pixels: np.ndarray) -> list[np.ndarray]:
    """A picture uint8 `[h, w, 3]` as its colour has it, in grey uint8 `[h, w, 3]`, as it is and as a negative; `[]` where
    colours differ by less than `VIVID`.

    The colour of a pixel is its place on the first principal axis of two opponent channels, red - green and (red + green) / 2 -
    blue (those of van de Sande, Gevers and Snoek 2010, but for their scale), which no grey light added to it moves.
    """
    red, green, blue = np.moveaxis(pixels.astype(np.float32), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue], axis=-1)
    opponents -= opponents.mean(axis=(0, 1))
    flat = opponents.reshape(-1, 2)
    axis = np.linalg.eigh(flat.T @ flat)[1][:, -1]
    level = opponents @ (axis * np.sign(axis[np.abs(axis).argmax()]))
    low, high = np.percentile(level, [2, 98])
    if high - low < VIVID:
        return []
    grey = np.clip((level - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return [np.repeat(one[..., None], 3, axis=-1) for one in (grey, 255 - grey)]
