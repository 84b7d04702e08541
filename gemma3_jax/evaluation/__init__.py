"""Figures of a reader on the validation parts of the public sets, or on a user's own annotated folders.

`sets` says what is read, `readers` who reads and how long it takes, `words` and `pages` turn readings into
figures (`gemma3_jax.metrics` has the protocols), `report` prints them and `command` is `gemma3-ocr eval`.
`calibrate` fits the temperatures of a model's confidences.
"""

from gemma3_jax.evaluation.command import Settings, main, run
from gemma3_jax.evaluation.outcomes import Outcome
from gemma3_jax.evaluation.readers import Reader
from gemma3_jax.evaluation.runs import evaluate, evaluate_words
from gemma3_jax.evaluation.sets import ALL_NAMES

__all__ = [
    "ALL_NAMES",
    "Outcome",
    "Reader",
    "Settings",
    "evaluate",
    "evaluate_words",
    "main",
    "run",
]
