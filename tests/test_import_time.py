"""The front door stays light: what must not be imported before it is asked for, and how long that takes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = ("jax", "flax", "PIL", "numpy", "cv2", "scipy", "onnxruntime", "tensorflow")


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("statement", ["import gemma3_jax", "import gemma3_jax.cli"])
def test_nothing_heavy_at_the_door(statement):
    code = f"import sys; {statement}; print([m for m in {HEAVY} if m in sys.modules])"
    assert run("-c", code).strip() == "[]"


@pytest.mark.parametrize(
    "module", ["page", "ocr", "reading", "engine", "decoding.text", "writers.json"]
)
def test_reading_machinery_waits_for_jax(module):
    code = f"import sys, gemma3_jax.{module}; print('jax' in sys.modules, 'flax' in sys.modules)"
    assert run("-c", code).split() == ["False", "False"]


@pytest.mark.parametrize("arguments", [("-c", "import gemma3_jax"), ("-m", "gemma3_jax", "--help")])
def test_half_a_second(arguments):
    """User plus system time of the best of three: what it costs when the machine is busy with something else."""
    costs = []
    for _ in range(3):
        before = os.times()
        run(*arguments)
        after = os.times()
        costs.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    assert min(costs) < 0.5, f"{arguments} took {min(costs):.2f} s of processor time"


def test_help_names_every_command():
    text = run("-m", "gemma3_jax", "--help")
    for name in ("read", "describe", "synth", "train", "eval", "doctor"):
        assert name in text
