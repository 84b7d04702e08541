"""ICDAR 2013."""

from __future__ import annotations

from typing import ClassVar

from gemma3_jax.data.corpora.builder import Counts
from gemma3_jax.data.corpora.formats import parse_boxes
from gemma3_jax.data.corpora.robust_reading import Pack, Packs, RobustReadingBuilder


class Builder(RobustReadingBuilder):
    """ICDAR 2013 focused scene text (challenge 2): upright word boxes, and word crops.

    The 1015- and 857-word test lists of the literature are choices among the 1095 official crops;
    metrics make them, the corpus keeps all.
    """

    URL = "https://rrc.cvc.uab.es/?ch=2&com=downloads"
    TERMS = "registration with the Robust Reading Competition; no licence stated"
    CITATION = "Karatzas et al., ICDAR 2013 Robust Reading Competition, ICDAR 2013"
    COUNTS: ClassVar[Counts] = {
        "words": {"train": 848, "test": 1095},
        "localisation": {"train": 229, "test": 233},
    }
    PACKS: ClassVar[Packs] = {
        ("words", "train"): Pack("Challenge2_Training_Task3_Images_GT.zip"),
        ("words", "test"): Pack(
            "Challenge2_Test_Task3_Images.zip", ("Challenge2_Test_Task3_GT.txt",)
        ),
        ("localisation", "train"): Pack(
            "Challenge2_Training_Task12_Images.zip", ("Challenge2_Training_Task1_GT.zip",)
        ),
        ("localisation", "test"): Pack(
            "Challenge2_Test_Task12_Images.zip", ("Challenge2_Test_Task1_GT.zip",)
        ),
    }
    parse = staticmethod(parse_boxes)
