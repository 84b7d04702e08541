"""Camera effects against numpy and Pillow."""

from __future__ import annotations

import io

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gemma3_jax.data import effects


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A smooth colour picture with an edge, [32, 64, 3] 0..1."""
    y, x = np.mgrid[0:32, 0:64] / 32
    waves = np.stack([0.5 + 0.4 * np.sin(5 * x), 0.3 + 0.2 * x, 0.5 + 0.4 * np.cos(7 * y)], -1)
    waves[8:20, 30:50] = (0.9, 0.2, 0.1)
    return waves.astype(np.float32)


def brute_blur(image: np.ndarray, kernel_y: np.ndarray, kernel_x: np.ndarray) -> np.ndarray:
    wide = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="edge")
    out = np.zeros_like(image)
    for i in range(9):
        for j in range(9):
            part = wide[i : i + image.shape[0], j : j + image.shape[1]]
            out += kernel_y[i] * kernel_x[j] * part
    return out


def test_blur_is_the_edge_repeating_convolution(picture: np.ndarray) -> None:
    kernel_y, kernel_x = np.asarray(effects.gaussian(1.3)), np.asarray(effects.box(4.5))
    got = effects.blur(jnp.asarray(picture), kernel_y, kernel_x)
    np.testing.assert_allclose(got, brute_blur(picture, kernel_y, kernel_x), atol=1e-5)
    grey = effects.blur(jnp.asarray(picture[..., 0]), kernel_y, kernel_x)
    np.testing.assert_allclose(grey, got[..., 0], atol=1e-5)


def test_kernels_sum_to_one_and_zero_width_changes_nothing() -> None:
    for kernel in (effects.gaussian(0.8), effects.box(3.0), effects.shifted(1.5, 0.7)):
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)
    one = np.eye(9, dtype=np.float32)[4]
    np.testing.assert_allclose(effects.gaussian(0.0), one, atol=1e-6)
    np.testing.assert_allclose(effects.box(1.0), one, atol=1e-6)
    assert np.asarray(effects.box(3.0)).tolist() == pytest.approx([0, 0, 0, *[1 / 3] * 3, 0, 0, 0])


def test_shift_moves_towards_larger_coordinates() -> None:
    dot = np.zeros((16, 32), np.float32)
    dot[5, 10] = 1
    moved = effects.blur_planes(dot, effects.shifted(2.0, 0.0), effects.shifted(-3.0, 0.0))
    assert np.unravel_index(int(np.argmax(moved)), dot.shape) == (7, 7)
    assert float(moved.max()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("quality", "strength"), [(50, 1.0), (20, 2.5)])
def test_jpeg_loses_what_pillow_loses(picture: np.ndarray, quality: int, strength: float) -> None:
    store = io.BytesIO()
    eight_bit = (picture * 255).round().astype(np.uint8)
    Image.fromarray(eight_bit).save(store, "JPEG", quality=quality, subsampling=2)
    pillow = np.asarray(Image.open(store), float) / 255
    ours = np.asarray(effects.jpeg(jnp.asarray(picture), strength))
    grey = np.array(effects.LUMA)
    assert np.abs((ours - pillow) @ grey).mean() < 0.6 * np.abs((pillow - picture) @ grey).mean()
    # colour: Pillow smooths the halved chroma when it doubles it again, so only the size of the loss is alike
    loss = np.abs(pillow - picture).mean()
    assert np.abs(ours - picture).mean() == pytest.approx(loss, rel=0.35)


def test_noise_is_normal_uncorrelated_and_differs_by_seed() -> None:
    noise = np.asarray(effects.hash_noise(jnp.uint32(7), (64, 512)))
    assert abs(noise.mean()) < 0.02
    assert noise.std() == pytest.approx(1, abs=0.02)
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1])) < 0.02
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.02
    other = np.asarray(effects.hash_noise(jnp.uint32(8), (64, 512)))
    assert abs(np.mean(noise * other)) < 0.02
    colour = np.asarray(effects.colour_noise(jnp.uint32(7), (64, 512)))
    assert abs(np.corrcoef(colour[0] - colour[1], colour.mean(0))[0, 1]) < 0.1


def test_enlarge_is_bilinear_and_repeats_the_last_column() -> None:
    rng = np.random.default_rng(0)
    planes = (rng.integers(0, 256, (3, 16, 32)) / 255).astype(np.float32)
    scale, rows, columns = 0.5, 8, 10  # the native picture is 8 high and 10 wide
    got = np.asarray(effects.enlarge(jnp.asarray(planes), scale, rows - 1.0, columns - 1.0))
    wanted = np.zeros((16, 32, 3))
    for y in range(16):
        for x in range(32):
            sy, sx = (
                min(max((v + 0.5) * scale - 0.5, 0), n - 1) for v, n in ((y, rows), (x, columns))
            )
            y0, x0 = int(sy), int(sx)
            fy, fx = sy - y0, sx - x0
            for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = (fy if dy else 1 - fy) * (fx if dx else 1 - fx)
                if weight:
                    wanted[y, x] += weight * planes[:, y0 + dy, x0 + dx]
    np.testing.assert_allclose(got, wanted * 255, atol=1.1)
    np.testing.assert_array_equal(got[:, 20:], np.repeat(got[:, 20:21], 12, 1))


def test_tone_keeps_black_and_white() -> None:
    ends = jnp.array([0.0, 0.25, 0.5, 1.0])
    for curve in (-0.5, 0.0, 0.5):
        out = np.asarray(effects.tone(ends, 1.0, 0.0, curve))
        assert out[0] == 0 and out[-1] == 1
        assert (np.diff(out) > 0).all()
    assert float(effects.tone(jnp.array([0.9]), 2.0, 0.0, 0.0)[0]) == 1.0
