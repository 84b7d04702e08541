"""From pixels to words with any engine."""

from gemma3_jax.reading.ahead import chunks
from gemma3_jax.reading.crops import read_crops
from gemma3_jax.reading.looks import SLOTS
from gemma3_jax.reading.options import ReadOptions
from gemma3_jax.reading.pages import find_words, lay_out, looks_worth_taking, read_page
from gemma3_jax.reading.strips import COLUMNS

__all__ = [
    "COLUMNS",
    "SLOTS",
    "ReadOptions",
    "chunks",
    "find_words",
    "lay_out",
    "looks_worth_taking",
    "read_crops",
    "read_page",
]
