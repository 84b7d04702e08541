"""ICDAR 2015."""

from __future__ import annotations

from typing import ClassVar

from gemma3_jax.data.corpora.builder import Counts, Lexicons
from gemma3_jax.data.corpora.formats import parse_quads
from gemma3_jax.data.corpora.robust_reading import Pack, Packs, RobustReadingBuilder

_TRAIN = "ch4_training_images.zip", ("ch4_training_localization_transcription_gt.zip",)
# tasks 1 and 4 have the same ground truth under two names
_TEST = "ch4_test_images.zip", ("Challenge4_Test_Task1_GT.zip", "Challenge4_Test_Task4_GT.zip")


class Builder(RobustReadingBuilder):
    """ICDAR 2015 incidental scene text (challenge 4): word quads, word crops, lexicons.

    "end-to-end" is "localisation" with the lexicons of task 4: `lexicon` of each picture (strong),
    `info.metadata[half]["weak"]` and `["generic"]` of the whole half.
    """

    URL = "https://rrc.cvc.uab.es/?ch=4&com=downloads"
    TERMS = "registration with the Robust Reading Competition; CC BY 4.0"
    CITATION = "Karatzas et al., ICDAR 2015 Competition on Robust Reading, ICDAR 2015"
    COUNTS: ClassVar[Counts] = {
        "words": {"train": 4468, "test": 2077},
        "localisation": {"train": 1000, "test": 500},
        "end-to-end": {"train": 1000, "test": 500},
    }
    LEXICONS: ClassVar[Lexicons] = {"end-to-end": ("lexicon",)}
    PACKS: ClassVar[Packs] = {
        ("words", "train"): Pack("ch4_training_word_images_gt.zip"),
        ("words", "test"): Pack("ch4_test_word_images_gt.zip", ("Challenge4_Test_Task3_GT.txt",)),
        ("localisation", "train"): Pack(*_TRAIN),
        ("localisation", "test"): Pack(*_TEST),
        ("end-to-end", "train"): Pack(
            *_TRAIN, "ch4_training_vocabularies_per_image.zip", "ch4_training_vocabulary.txt"
        ),
        ("end-to-end", "test"): Pack(
            *_TEST, "ch4_test_vocabularies_per_image.zip", "ch4_test_vocabulary.txt"
        ),
    }
    parse = staticmethod(parse_quads)
