"""The network as ONNX: the same parts as in `model/`, channels first, BatchNorm folded, one function per module.

Why not jax2onnx: see docs/export.md. Names of nodes are paths of the parameter tree, so that INT8 rules can address them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gemma3_jax.config import ModelConfig
from gemma3_jax.export.graph import Graph, Tensor
from gemma3_jax.model.crop import Strips
from gemma3_jax.model.detector import CORNER_SCALE

LAYER_NORM_EPSILON = 1e-6  # Flax's own
NO_TEXT = -1e4  # logit of the characters where a strip is over
NEVER = -1e4  # score of a column that is not to be looked at: float16, in which some runtimes compute, holds no -1e9

Params = dict[str, Any]


def features(
    g: Graph, config: ModelConfig, params: Params, images: Tensor
) -> tuple[Tensor, Tensor]:
    """uint8 `[b, h, w, 3]` -> the stem's stride-2 map and the fused stride-4 map, `[b, c, h, w]`.

    The division by `std` is in the stem's kernel; the mean cannot be, because the borders are padded with it.
    """
    with g.scope("backbone"):
        p = params["backbone"]
        kernel, bias = p["stem"]["kernel"] / config.std, _bias(p["stem_norm"])
        with g.scope("stem"):
            x = (packed_stem if g.packed else stem)(g, images, config.mean, kernel, bias)
        maps = [x]
        for i, depth in enumerate(config.stage_depths, 1):
            for j in range(depth):
                x = separable(g, p, f"stage{i}_block{j}", x, strides=1 if j else 2)
            maps.append(x)
    with g.scope("neck"):
        return maps[0], _neck(g, params["neck"], maps)


def stem(g: Graph, images: Tensor, mean: float, kernel: Any, bias: Any) -> Tensor:
    """The first convolution, 3 x 3 with stride 2: uint8 `[b, h, w, 3]` -> `[b, c, h / 2, w / 2]`."""
    x = g.Transpose(images, perm=(0, 3, 1, 2)).to(np.float32) - mean
    return g.Relu(convolution(g, x, kernel, bias, 2, pads=(0, 0, 1, 1)))


def packed_stem(g: Graph, images: Tensor, mean: float, kernel: Any, bias: Any) -> Tensor:
    """The same with two columns computed as one, from four pixels and the four to their right: half as many steps with twice
    the channels. ONNX Runtime's fast convolution of bytes wants them in fours before and in sixteens behind it."""
    taps, out = kernel.shape[0], kernel.shape[-1]
    packed = np.zeros((taps, 2, 4, 3, 2, out), np.float32)
    for column in range(2):
        for tap in range(taps):
            right, pixel = divmod(2 * column + tap, 4)
            packed[:, right, pixel, :, column] = kernel[:, tap]
    packed = packed.reshape(taps, 2, 12, 2 * out)
    x = g.Transpose(g.Reshape(images, [0, 0, -1, 12]), perm=(0, 3, 1, 2)).to(np.float32) - mean
    x = g.Relu(convolution(g, x, packed, np.tile(bias, 2), (2, 1), pads=(0, 0, 1, 1)))
    x = g.Reshape(g.Transpose(x, perm=(0, 2, 3, 1)), [0, 0, -1, out])
    return g.Transpose(x, perm=(0, 3, 1, 2))


def _neck(g: Graph, p: Params, maps: list[Tensor]) -> Tensor:
    fused, width = None, p["lateral1"]["kernel"]["kernel"].shape[-1]
    for i in range(len(maps) - 1, 0, -1):
        with g.scope(f"lateral{i}"):
            x = pointwise(
                g, maps[i], p[f"lateral{i}"]["kernel"]["kernel"], _bias(p[f"lateral{i}_norm"])
            )
        if fused is not None:
            # nearest neighbour, written so that ONNX Runtime keeps it inside its blocked layout
            larger = g.Resize(
                fused,
                np.zeros(0, np.float32),
                np.array([1, 1, 2, 2], np.float32),
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
            # Both are as large. Not told so, ONNX Runtime adds them in a pass of its own, and takes the ReLU in another.
            shape = ("b", width, f"h / {2 ** (i + 1)}", f"w / {2 ** (i + 1)}")
            x, larger = (g.known(side, np.float32, shape) for side in (x, larger))
            x = separable(g, p, f"smooth{i}", g.Relu(x + larger))
        fused = x
    assert fused is not None
    return fused


def detector(g: Graph, config: ModelConfig, params: Params, fused: Tensor) -> tuple[Tensor, Tensor]:
    """Fused map -> centre logits `[b, 1, h, w]` and corner offsets `[b, 8, h, w]` in cells."""
    with g.scope("detector"):
        p, x = params["detector"], fused
        for i in range(config.detector_depth):
            x = separable(g, p, f"block{i}", x)
        # one convolution for both outputs; the corners' scale is a power of two and costs nothing in the kernel
        kernel, bias = (
            np.concatenate([p["centre"][k], CORNER_SCALE * p["corners"][k]], axis=-1)
            for k in ("kernel", "bias")
        )
        with g.scope("maps"):
            centre, corners = g.Split(pointwise(g, x, kernel, bias), [1, 8], axis=1, outputs=2)
        return centre, corners


def recognizer(
    g: Graph, config: ModelConfig, params: Params, strips: tuple[Tensor, Tensor], inside: Tensor
) -> Tensor:
    """Both parts of strips (`crops.sample_strips`), zero where `inside` `[n, columns]` is False
    -> log P `[n, columns / 2, v]`."""
    with g.scope("recognizer"):
        p = params["recognizer"]
        with g.scope("stage0_block0"):
            x = _joining(g, config, p["stage0_block0"], strips)
        for i, depth in enumerate(config.strip_depths):
            for j in range(i == 0, depth):
                x = separable(g, p, f"stage{i}_block{j}", x, (1, 1) if j else (2, 1))
        with g.scope("collapse"):
            kernel = p["collapse"]["kernel"]["kernel"].reshape(
                -1, 1, config.strip_widths[-1], config.embed
            )
            x = g.Relu(convolution(g, x, kernel, _bias(p["collapse_norm"]), pads=(0, 0, 0, 0)))
            x = g.Transpose(g.Squeeze(x, [2]), perm=(0, 2, 1))
        mask = inside[..., ::2]
        for i in range(config.attention_depth):
            with g.scope(f"attention{i}"):
                x = attention_block(g, config, p[f"attention{i}"], x, mask)
        with g.scope("head"):
            logits = dense(g, layer_norm(g, x, p["head_norm"]), p["head"])
            blank = np.where(np.arange(config.alphabet.size) == 0, 0.0, NO_TEXT)
            held = mask[..., None].to(np.float32)
            # not `Where`: MNN's gives NaN where the condition is broadcast
            return g.LogSoftmax(logits * held + (1.0 - held) * blank, axis=-1)


def _joining(g: Graph, config: ModelConfig, p: Params, strips: tuple[Tensor, Tensor]) -> Tensor:
    """`model.recognizer.JoiningBlock`."""
    parts = []
    for name, x, stride in zip(Strips._fields, strips, (2, 1), strict=True):
        with g.scope(f"depthwise_{name}"):
            wide, own = p[f"depthwise_{name}"]["kernel"], _bias(p[f"depthwise_{name}_norm"])
            parts.append(g.Relu(convolution(g, x, wide, own, stride, wide.shape[-1])))
    kernel, bias = p["pointwise"]["kernel"]["kernel"], _bias(p["pointwise_norm"])
    with g.scope("pointwise"):
        if g.packed:
            return g.Relu(pointwise(g, g.Concat(*parts, axis=1), kernel, bias))
        # joined, 24 channels beside 64 would leave the blocked layout of ONNX Runtime's float convolutions
        stem, fused = np.split(kernel, [config.stem_width])
        one, other = pointwise(g, parts[0], stem, bias), pointwise(g, parts[1], fused, 0 * bias)
        return g.Relu(one + other)


def attention_block(g: Graph, config: ModelConfig, p: Params, x: Tensor, mask: Tensor) -> Tensor:
    """`model.attention.AttentionBlock` on `[n, t, d]` with `mask` bool `[n, t]`."""
    held = mask[..., None].to(np.float32)
    with g.scope("position"):
        kernel = p["position"]["depthwise"]["kernel"][0].transpose(2, 1, 0)  # [d, 1, taps]
        taps = kernel.shape[-1]
        kernel = kernel + (np.arange(taps) == taps // 2)  # the identity is one more tap
        x = g.Transpose(x * held, perm=(0, 2, 1))
        x = g.Conv(x, kernel.astype(np.float32), group=config.embed, pads=(taps // 2, taps // 2))
        x = g.Transpose(x, perm=(0, 2, 1))
    with g.scope("qkv"):
        qkv = dense(g, layer_norm(g, x, p["attention_norm"]), p["qkv"])
    y = _attend(g, config, qkv, mask) * held
    with g.scope("out"):
        x = x + dense(g, y, p["out"])
    with g.scope("expand"):
        y = g.Relu(dense(g, layer_norm(g, x, p["mlp_norm"]), p["expand"]))
    with g.scope("contract"):
        return x + dense(g, y, p["contract"])


def _attend(g: Graph, config: ModelConfig, qkv: Tensor, mask: Tensor) -> Tensor:
    """Attention `[n, t, d]` of `qkv` `[n, t, 3 d]` within windows; the last window is filled up with masked columns."""
    with g.scope("window"):
        k, heads, size = config.window, config.heads, config.embed // config.heads
        columns = g.Shape(mask, start=1, end=2)
        spare = g.Mod(0 - columns, k)
        qkv = g.Pad(qkv, g.Concat(np.zeros(4, np.int64), spare, [0], axis=0))
        seen = g.Pad(mask.to(np.float32), g.Concat(np.zeros(3, np.int64), spare, axis=0)) > 0.5
        seen = g.Reshape(seen, [-1, 1, 1, k])
        parts = g.Transpose(g.Reshape(qkv, [-1, k, 3, heads, size]), perm=(2, 0, 3, 1, 4))
        query, key, value = (g.Squeeze(x, [0]) for x in g.Split(parts, axis=0, outputs=3))
        scores = g.MatMul(query * size**-0.5, g.Transpose(key, perm=(0, 1, 3, 2)))
        weights = g.Softmax(g.Where(seen, scores, NEVER), axis=-1)
        mixed = g.Transpose(g.MatMul(weights, value), perm=(0, 2, 1, 3))
        shape = g.Concat([-1], columns + spare, [config.embed], axis=0)
        return g.Slice(g.Reshape(mixed, shape), [0], columns, [1])


def separable(g: Graph, p: Params, name: str, x: Tensor, strides: Any = 1) -> Tensor:
    """`model.layers.SeparableBlock` on `[b, c, h, w]`."""
    p = p[name]
    with g.scope(name):
        wide, narrow = p["depthwise"]["kernel"], p["pointwise"]["kernel"]["kernel"]
        channels = wide.shape[-1]
        with g.scope("depthwise"):
            y = convolution(g, x, wide, _bias(p["depthwise_norm"]), strides, channels)
            y = g.Relu(y)
        with g.scope("pointwise"):
            y = pointwise(g, y, narrow, _bias(p["pointwise_norm"]))
            if strides in (1, (1, 1)) and narrow.shape[-1] == channels:
                y = y + x
            return g.Relu(y)


def convolution(
    g: Graph, x: Tensor, kernel: Any, bias: Any, strides: Any = 1, group: int = 1, pads: Any = None
) -> Tensor:
    """A convolution with Flax's kernel `[kh, kw, in, out]`, padded by `k // 2` unless told otherwise."""
    kh, kw = kernel.shape[:2]
    weight = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
    strides = strides if isinstance(strides, tuple) else (strides, strides)
    pads = pads or (kh // 2, kw // 2, kh // 2, kw // 2)
    return g.Conv(x, weight, bias, kernel_shape=(kh, kw), strides=strides, pads=pads, group=group)


def pointwise(g: Graph, x: Tensor, kernel: Any, bias: Any) -> Tensor:
    """A 1 x 1 convolution with a dense kernel `[in, out]`."""
    return convolution(g, x, kernel[None, None], bias)


def dense(g: Graph, x: Tensor, p: Params) -> Tensor:
    """`x @ kernel + bias` over the last axis."""
    return g.MatMul(x, p["kernel"]) + p["bias"]


def layer_norm(g: Graph, x: Tensor, p: Params) -> Tensor:
    """Normalisation over the last axis."""
    return g.LayerNormalization(x, p["scale"], p["bias"], axis=-1, epsilon=LAYER_NORM_EPSILON)


def _bias(norm: Params) -> np.ndarray:
    """All that a folded BatchNorm has left."""
    return norm["norm"]["bias"]
