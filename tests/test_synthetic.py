"""Drawn word crops: the same from the same key, letters where the quad says, labels that are drawn."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageDraw

from gemma3_jax.charset import Charset
from gemma3_jax.data import backgrounds, fonts, glyphs, lettering, lexicon, paint, synthetic, warp
from gemma3_jax.data.sheet import contact_sheet

CHARSET = Charset()
CLEAN, FULL = synthetic.Strengths(0.0, 0.0, 0.0, 0.0), synthetic.Strengths(1.0, 1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def studio() -> synthetic.Studio:
    return synthetic.prepare(
        glyphs.builtin_atlas(), lexicon.load_lexicon(), backgrounds.procedural_backgrounds(6)
    )


@pytest.fixture(scope="module")
def draw(studio):
    compiled = jax.jit(
        lambda seed, start, strengths: synthetic.draw_strips(
            jax.random.key(seed), studio, batch=16, start=start, strengths=strengths
        )
    )
    return lambda seed=0, start=0, strengths=FULL: jax.tree.map(
        np.asarray, compiled(seed, start, strengths)
    )


def texts(batch) -> list[str]:
    return [CHARSET.decode(row) for row in batch.labels[:, 0]]


def test_batch_has_the_contract_of_types(draw) -> None:
    batch = draw()
    assert batch.images.shape == (16, 32, 128, 3) and batch.images.dtype == np.uint8
    assert batch.quads.shape == (16, 1, 4, 2) and batch.quads.dtype == np.float32
    assert batch.labels.shape == (16, 1, 25) and batch.labels.dtype == np.int32
    assert batch.valid.all() and not batch.ignore.any()
    assert np.isfinite(batch.quads).all()


def test_a_sample_depends_on_key_and_index_only(draw) -> None:
    first, again, later, other = draw(), draw(), draw(start=6), draw(seed=1)
    np.testing.assert_array_equal(first.images, again.images)
    for name in ("images", "quads", "labels"):  # 6..15 are the same whatever batch they fall in
        np.testing.assert_array_equal(getattr(first, name)[6:], getattr(later, name)[:10])
    assert texts(first) != texts(other)
    assert len(set(texts(first))) > 12


def test_clean_words_fill_their_quad_and_stay_inside(draw) -> None:
    batch = draw(seed=3, strengths=CLEAN)
    for image, quad, text in zip(batch.images, batch.quads[:, 0], texts(batch), strict=True):
        width = int(quad[:, 0].max())
        np.testing.assert_array_equal(quad, [[0, 0], [width, 0], [width, 32], [0, 32]])
        grey = image.astype(float).mean(2)
        ground = np.median(np.concatenate([grey[0, :width], grey[-1, :width]]))
        if max(np.ptp(grey[0, :width]), np.ptp(grey[-1, :width])) > 12:
            continue  # letters touch the very edge: the ground cannot be told apart
        ink = np.abs(grey - ground) > 0.3 * np.abs(grey[:, :width] - ground).max()
        rows = np.flatnonzero(ink[:, :width].any(1))
        columns = np.flatnonzero(ink[:, :width].any(0))
        assert rows[-1] - rows[0] > 0.6 * 32, text
        assert columns[-1] - columns[0] > 0.5 * width or len(text) == 1, text
        np.testing.assert_array_equal(
            image[:, width:], np.repeat(image[:, width - 1 : width], 128 - width, 1)
        )


def test_clean_texts_are_short_and_hard_ones_vary(draw) -> None:
    easy, hard = texts(draw(seed=5, strengths=CLEAN)), texts(draw(seed=5))
    assert max(map(len, easy)) <= 5 < max(map(len, hard))
    pictures = draw(seed=5).images.astype(float)
    spread = [picture.std() for picture in pictures]
    assert min(spread) > 1
    assert np.std([picture.mean() for picture in pictures]) > 25


def test_a_word_looks_as_pillow_draws_it(studio) -> None:
    """Letters, advances and bearings together: the coverage strip against Pillow's line of the same face."""
    word = "Typeset&37"
    face = fonts.Face("", 0, "Aileron", "Regular")
    atlas = glyphs.builtin_atlas()
    ids = jnp.zeros(25, jnp.int32).at[: len(word)].set(jnp.array(CHARSET.encode(word)))
    line = lettering.lay_out(studio.atlas, 0, ids, 0.0, jnp.inf, jnp.zeros(30))
    strip, _ = lettering.coverage(studio.packed, line, jnp.float32(1.5), jnp.float32(1.0))
    size = atlas.advances[0, CHARSET.characters.index("H")] / face.open(1000).getlength("H") * 1000
    picture = Image.new("L", (400, 60))
    ImageDraw.Draw(picture).text((20, 40), word, 255, face.open(float(size)), anchor="ls")
    box = picture.getbbox()
    assert box is not None
    wanted = np.asarray(picture.crop(box), float)
    width = float(line.right - line.left)
    assert width == pytest.approx(wanted.shape[1], abs=4)
    end = lettering.PAD_COLUMNS + round(width / 1.5)
    ink = np.asarray(strip)[int(line.top) : int(line.bottom), lettering.PAD_COLUMNS : end]
    got = np.asarray(Image.fromarray(ink).resize(wanted.shape[::-1], Image.Resampling.BILINEAR))
    assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.85
    outside = np.asarray(strip).copy()
    outside[:, lettering.PAD_COLUMNS - 1 : end + 1] = 0
    assert outside.max() == 0  # no neighbours were asked for


@dataclasses.dataclass(frozen=True)
class Pose:
    turn: float
    angle: float
    tilt: float


@pytest.mark.parametrize("pose", [Pose(0, 0, 0), Pose(0.8, 0.3, 0.1), Pose(-0.6, -0.2, -0.2)])
def test_warping_there_and_back_is_the_identity(pose: Pose) -> None:
    aspect, size = 4.0, (64, 200)
    matrix = warp.homography(
        jnp.float32(0.2), jnp.float32(pose.angle), jnp.float32(pose.tilt), jnp.float32(0.05), aspect
    )
    place = warp.Placement(aspect, pose.turn, matrix, jnp.array([-3.0, -1.5, 3.0, 1.5]))
    x, y = (np.asarray(v) for v in warp.text_coordinates(place, 200.0, 64.0, size))
    for row, column in ((20, 60), (32, 100), (40, 140)):
        text = jnp.array([x[row, column], y[row, column]])
        page = warp.project(matrix, warp.bend(text, aspect, pose.turn))
        pixel = warp.canvas_points(place, page, 200.0, 64.0)
        np.testing.assert_allclose(pixel, [column + 0.5, row + 0.5], atol=0.05)


def test_a_curve_bends_the_way_it_says() -> None:
    ends = warp.bend(jnp.array([[0.0, 0.5], [2.0, 0.5], [4.0, 0.5]]), 4.0, 0.8)
    assert ends[0, 1] > ends[1, 1] + 0.2 and ends[2, 1] > ends[1, 1] + 0.2  # an arch: middle on top


@pytest.mark.parametrize(
    ("form", "tall", "low"), [(0.5, 0.5, 0.0), (2.0, 0.0, 0.5), (1.0, 1.0, 0.0)]
)
def test_letters_of_an_envelope_are_tall_where_it_says_and_stay_in_their_box(form, tall, low):
    aspect, cut = 4.0, jnp.array([0.3, 0.2])

    def ends(at: float) -> tuple[float, float]:
        """Where a letter's top and bottom are drawn, found by asking every height what it shows."""
        y = jnp.linspace(-0.5, 1.5, 4001)
        shown = np.asarray(warp.envelope(jnp.full_like(y, at * aspect), y, aspect, cut, form))
        return float(y[np.abs(shown).argmin()]), float(y[np.abs(shown - 1).argmin()])

    np.testing.assert_allclose(ends(tall), (0.0, 1.0), atol=1e-3)
    np.testing.assert_allclose(ends(low), (0.3, 0.8), atol=1e-3)
    between = np.array([ends(at) for at in np.linspace(0, 1, 9)])
    assert between.min() >= -1e-3 and between.max() <= 1 + 1e-3


def test_without_cuts_an_envelope_is_the_identity():
    y = jnp.linspace(-1, 2, 7)
    np.testing.assert_allclose(warp.envelope(y, y, 1.0, jnp.zeros(2), 0.5), y, atol=1e-6)


def test_embossed_words_show_at_the_edges_of_their_strokes_only():
    """A bar 20 px wide: its inside is the ground, whatever the light; its two sides are one lighter, one darker."""
    bar = jnp.zeros((32, 64)).at[:, 22:42].set(1.0)
    at = jnp.linspace(0, 2, 64) * jnp.ones((32, 1))
    ink = paint.Ink(lambda across, down: bar, at, at, 2.0, 0.8, 1 / 32)
    ground, fill = jnp.full((3, 32, 64), 0.5), jnp.array([0.9, 0.2, 0.1])

    @jax.jit
    def painted(key, letters):
        return paint._compose(key, ground, letters, fill, jnp.zeros((32, 64)), ink, 1.0)

    keys = [jax.random.key(i) for i in range(60)]
    draws = [float(jax.random.uniform(jax.random.fold_in(k, 1), (3,))[0]) for k in keys]
    chosen = [draw < paint.EMBOSSED for draw in draws]
    assert 1 <= sum(chosen) < 12
    for key, bare in zip(keys, chosen, strict=True):
        change = np.asarray(painted(key, bar) - painted(key, 0 * bar))[:, 12:20]
        assert (np.abs(change[:, :, 30:34]).max() < 1e-6) == bare
        if bare:
            assert change.max() > 0.02 and change.min() < -0.02


def test_ink_of_another_hue_is_as_bright_as_its_ground_and_across_grey_from_it() -> None:
    """In the plane of constant luma: both a clear distance apart, and on no one side of grey."""
    grounds = jax.random.uniform(jax.random.key(0), (400, 3), minval=0.3, maxval=0.7)
    u = jax.random.uniform(jax.random.key(1), (400, 6))
    inks = np.asarray(jax.vmap(paint._of_another_hue)(u, grounds))
    grounds = np.asarray(grounds)
    weights = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    brightness = np.abs(inks @ weights - grounds @ weights)
    assert np.quantile(brightness, 0.95) < 0.12
    chroma = [colours - (colours @ weights)[:, None] for colours in (inks, grounds)]
    assert ((chroma[0] * chroma[1]).sum(1) < 0.02).all()
    assert np.median(np.linalg.norm(chroma[0] - chroma[1], axis=1)) > 0.4


def test_bad_sizes_are_refused(studio) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        synthetic.draw_strips(jax.random.key(0), studio, batch=1, height=30)
    with pytest.raises(ValueError, match="max_label=10"):
        synthetic.draw_strips(jax.random.key(0), studio, batch=1, max_label=10)


def test_backgrounds_keep_clear_of_words(tmp_path) -> None:
    picture = np.full((300, 600, 3), 40, np.uint8)
    picture[:, 300:] = 250  # the "word" covers the right half
    Image.fromarray(picture).save(tmp_path / "img_1.png")
    word = np.array([[300, 0], [600, 0], [600, 300], [300, 300]], float)
    patches = backgrounds.photo_backgrounds(
        [tmp_path / "img_1.png"], 8, boxes={"img_1.png": [word]}
    )
    assert patches.shape[1:] == (64, 256, 3) and patches.max() < 60
    with pytest.raises(FileNotFoundError, match="procedural"):
        backgrounds.photo_backgrounds([], 4)
    textures = backgrounds.procedural_backgrounds(5, seed=1)
    assert textures.shape == (5, 64, 256, 3) and len({t.tobytes() for t in textures}) == 5


def test_contact_sheet_has_every_crop(draw) -> None:
    batch = draw()
    sheet = np.asarray(contact_sheet(batch.images, batch.labels, quads=batch.quads, columns=4))
    assert sheet.shape == (4 * (64 + 18), 4 * (256 + 4), 3)
    with pytest.raises(ValueError, match="16 images but 2 labels"):
        contact_sheet(batch.images, ["a", "b"])
