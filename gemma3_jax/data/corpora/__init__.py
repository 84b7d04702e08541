"""Public corpora: plain readers of what is unpacked on disk, TFDS builders of what the owners publish.

    from gemma3_jax.data.corpora import SCENE_SETS, WORD_SETS     # readers, train and val, NumPy only
    python -m gemma3_jax.data.corpora icdar2015/words --manual-dir DIR      # docs/datasets.md

Both use the parsers of `formats`. The builders (one package folder a set) need the extra [train]
and are imported by `build` only.
"""

from gemma3_jax.data.corpora.formats import parse_quad_line
from gemma3_jax.data.corpora.readers import (
    IC15_FIRST_VAL_IMAGE,
    IC15_FIRST_VAL_WORD,
    SCENE_SETS,
    VAL_ROWS,
    WORD_SETS,
    Split,
    funsd_pages,
    icdar2003_words,
    icdar2015_scenes,
    icdar2015_words,
    iiit5k_words,
    sroie_receipts,
    svt_scenes,
    svt_words,
)
from gemma3_jax.data.corpora.samples import (
    DO_NOT_CARE,
    Annotation,
    Sample,
    WordSample,
    rectangle,
)

__all__ = [
    "DO_NOT_CARE",
    "IC15_FIRST_VAL_IMAGE",
    "IC15_FIRST_VAL_WORD",
    "SCENE_SETS",
    "VAL_ROWS",
    "WORD_SETS",
    "Annotation",
    "Sample",
    "Split",
    "WordSample",
    "funsd_pages",
    "icdar2003_words",
    "icdar2015_scenes",
    "icdar2015_words",
    "iiit5k_words",
    "parse_quad_line",
    "rectangle",
    "sroie_receipts",
    "svt_scenes",
    "svt_words",
]
