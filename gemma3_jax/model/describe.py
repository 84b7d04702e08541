"""Sizes of a model in numbers: parameters and multiply-adds, counted, not estimated."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, ModelConfig
from gemma3_jax.model.spotter import detect, init_variables, read_strips

# Multiply-adds/s that XNNPACK reaches on convolutional networks with all four cores, as published: a budget, not a measurement.
RASPBERRY_PI_4 = {"FP32": 6.5e9, "INT8": 17e9}
WORDS = 10  # of a frame


def count_parameters(config: ModelConfig) -> dict[str, int]:
    """Trained parameters by part (`backbone`, `neck`, `detector`, `recognizer`), from shapes alone."""
    shapes: Any = jax.eval_shape(partial(init_variables, config), jax.random.key(0))
    return {
        part: sum(leaf.size for leaf in jax.tree.leaves(tree))
        for part, tree in shapes["params"].items()
    }


def multiply_adds(function: Any, *arguments: Any) -> int:
    """Multiply-adds of all matrix products and convolutions in a traced program (elementwise work is not counted)."""
    return _count(jax.make_jaxpr(function)(*arguments).jaxpr)


def _count(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        out = equation.outvars[0].aval.shape if equation.outvars else ()
        if equation.primitive.name == "dot_general":
            contracted = equation.params["dimension_numbers"][0][0]
            shape = equation.invars[0].aval.shape
            total += _product(out) * _product(shape[i] for i in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            features_out = equation.params["dimension_numbers"].rhs_spec[0]
            total += _product(out) * _product(kernel) // kernel[features_out]
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += _count(inner)
    return total


def _product(sizes: Any) -> int:
    total = 1
    for size in sizes:
        total *= int(size)
    return total


def describe(
    config: ModelConfig, picture: tuple[int, int] = (736, 1280), words: int = WORDS
) -> str:
    """A table of parameters, bytes and multiply-adds; `picture` is (height, width) in px, multiples of 32, of `words` words.

    Raises:
        ValueError: for a side that is no multiple of 32.
    """
    if any(side < 32 or side % 32 for side in picture):
        raise ValueError(f"{picture=}: both sides must be multiples of 32 px")
    config = dataclasses.replace(
        config, depthwise="conv"
    )  # its products are visible in the program
    parts = count_parameters(config)
    total = sum(parts.values())
    variables: Any = jax.eval_shape(partial(init_variables, config), jax.random.key(0))
    image = jax.ShapeDtypeStruct((1, *picture, 3), jnp.float32)
    strip = jax.ShapeDtypeStruct((1, CANVAS_HEIGHT, CANVAS_WIDTH, 3), jnp.float32)
    width = jax.ShapeDtypeStruct((1,), jnp.float32)
    finding = multiply_adds(lambda v, x: detect(config, v, x, slots=128)[1:], variables, image)
    reading = multiply_adds(partial(read_strips, config), variables, strip, width)
    frame = finding + words * reading
    boards = [f"{rate / frame:.1f} in {kind}" for kind, rate in RASPBERRY_PI_4.items()]
    rows = [f"{config.name}: {len(config.charset)} characters + blank"]
    rows += [f"  {part:<12}{count:>12,} parameters" for part, count in parts.items()]
    rows += [
        f"  {'all':<12}{total:>12,} parameters = {total * 4 / 1e6:.2f} MB in FP32, {total * 2 / 1e6:.2f} MB in FP16",
        f"  find words in {picture[1]} x {picture[0]} px: {finding / 1e9:.2f} G multiply-adds",
        f"  read a {CANVAS_WIDTH} x {CANVAS_HEIGHT} px strip: {reading / 1e6:.1f} M multiply-adds",
        f"  both, with {words} words: {frame / 1e9:.2f} G; frames/s at the rates of a Raspberry Pi 4: {', '.join(boards)}",
    ]
    return "\n".join(rows)
