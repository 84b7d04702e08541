"""Measure a model: `python eval.py --model gemma3-base --data ../shared/data --sets all-val`."""

from __future__ import annotations

import tyro

from gemma3_jax.evaluation import main

if __name__ == "__main__":
    tyro.cli(main)
