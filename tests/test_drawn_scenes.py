"""Drawn scenes: the same from the same key, ink where the quads say, quads in reading order, words apart."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from PIL import Image, ImageDraw

from gemma3_jax.charset import Charset
from gemma3_jax.data import backgrounds, flow, fonts, glyphs, layout, lexicon, scene_text, synthetic
from gemma3_jax.data.drawn_scenes import draw_scenes
from gemma3_jax.types import Batch

CHARSET = Charset()
HEIGHT, WIDTH, WORDS, SCENES = 192, 256, 12, 4
CLEAN = synthetic.Strengths(1.0, 0.0, 0.0, 0.0)
TURNED = synthetic.Strengths(1.0, 1.0, 0.0, 0.0)
FULL = synthetic.Strengths(1.0, 1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def studio() -> synthetic.Studio:
    return synthetic.prepare(
        glyphs.builtin_atlas(), lexicon.load_lexicon(), backgrounds.procedural_backgrounds(6)
    )


@pytest.fixture(scope="module")
def draw(studio):
    """Four scenes, two on each of the two devices: one compilation for the whole file."""
    devices = NamedSharding(Mesh(np.array(jax.devices()), ("data",)), PartitionSpec("data"))

    def scenes(seed, start, strengths, inked):
        return draw_scenes(
            jax.random.key(seed), studio, batch=SCENES, start=start, size=(HEIGHT, WIDTH),
            words=WORDS, max_label=26, strengths=strengths, inked=inked,
        )  # fmt: skip

    quick = {"xla_backend_optimization_level": 0}  # compiling is most of the time spent here
    compiled = jax.jit(scenes, out_shardings=devices, compiler_options=quick)
    return lambda seed=0, start=0, strengths=FULL, inked=1.0: jax.tree.map(
        np.asarray, compiled(seed, start, strengths, inked)
    )


@pytest.fixture(scope="module")
def pairs(draw):
    """32 scenes of turned and tilted words, each with and without its ink."""

    def join(inked: float) -> Batch:
        parts = [draw(seed, start, TURNED, inked) for seed in (8, 11) for start in (0, 4, 8, 12)]
        return Batch(*(np.concatenate(field) for field in zip(*parts, strict=True)))

    return join(1.0), join(0.0)


def filled(quad: np.ndarray, grow: float = 0.0) -> np.ndarray:
    """The pixels inside a quad as a mask, `grow` px more on every side."""
    mask = Image.new("1", (WIDTH, HEIGHT))
    ImageDraw.Draw(mask).polygon([tuple(p) for p in quad - 0.5], fill=1, outline=1)
    inside = np.asarray(mask)
    for axis in (0, 1):
        shifts = range(-round(grow), round(grow) + 1)
        inside = np.any([np.roll(inside, shift, axis) for shift in shifts], axis=0)
    return inside


def test_batch_has_the_contract_of_types(draw) -> None:
    batch = draw()
    assert batch.images.shape == (SCENES, HEIGHT, WIDTH, 3) and batch.images.dtype == np.uint8
    assert batch.quads.shape == (SCENES, WORDS, 4, 2) and batch.quads.dtype == np.float32
    assert batch.labels.shape == (SCENES, WORDS, 26) and batch.labels.dtype == np.int32
    assert batch.valid.dtype == batch.ignore.dtype == np.bool_
    assert np.isfinite(batch.quads).all()
    assert not (batch.ignore & ~batch.valid).any()


def test_a_scene_depends_on_key_and_index_only(draw) -> None:
    """Scene 3 is last of the second device, then first of the first one."""
    first, later, other = draw(), draw(start=3), draw(seed=1)
    for name in Batch._fields:
        np.testing.assert_array_equal(getattr(first, name)[3], getattr(later, name)[0], name)
    assert not np.array_equal(first.labels, other.labels)
    assert len({image.tobytes() for image in first.images}) == SCENES


def test_labels_are_words_of_the_charset(pairs) -> None:
    batch = pairs[0]
    texts = [CHARSET.decode(row) for row in batch.labels[batch.valid]]
    assert len(texts) > 60 and all(texts) and len(set(texts)) > 40
    assert not any(" " in text for text in texts)  # the detector splits there
    assert max(map(len, texts)) <= 24
    assert not batch.labels[~batch.valid].any() and not batch.quads[~batch.valid].any()


def test_quads_lie_in_the_picture_and_hold_the_ink(pairs) -> None:
    batch, blank = pairs
    corners = batch.quads[batch.valid]
    assert corners.min() >= 0 and corners[..., 0].max() <= WIDTH and corners[..., 1].max() <= HEIGHT
    ink = np.abs(batch.images.astype(int) - blank.images).max(-1) > 40
    for i in range(len(ink)):
        quads = batch.quads[i, batch.valid[i]]
        near = np.any([filled(quad, 1.0) for quad in quads] or [np.zeros_like(ink[i])], axis=0)
        assert (ink[i] & ~near).sum() <= 0.002 * ink[i].sum()
        for quad in quads:
            assert ink[i][filled(quad)].mean() > 0.04


def test_words_stand_apart(pairs) -> None:
    batch = pairs[0]
    for i in range(len(batch.images)):
        masks = np.array([filled(quad) for quad in batch.quads[i, batch.valid[i]]])
        for j in range(1, len(masks)):
            common = (masks[:j] & masks[j]).sum((1, 2))
            assert (common <= 0.2 * np.minimum(masks[:j].sum((1, 2)), masks[j].sum())).all()


def upright(image: np.ndarray, quad: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The quad as a picture of `size` (w, h): its first corner is the top left."""
    (a, b, c, d), (width, height) = quad, size
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height)[:, None] + 0.5) / height
    at = [
        a[k] * (1 - x) * (1 - y) + b[k] * x * (1 - y) + c[k] * x * y + d[k] * (1 - x) * y
        for k in (0, 1)
    ]
    column, row = (np.floor(v).astype(int) for v in at)
    return image[row.clip(0, HEIGHT - 1), column.clip(0, WIDTH - 1)]


def typeset(text: str, size: tuple[int, int]) -> np.ndarray:
    """What Pillow makes of it, with the quads' margin."""
    face = fonts.Face("", 0, "Aileron", "Regular").open(40)
    left, top, right, bottom = face.getbbox(text)
    margin = layout.MARGIN * (bottom - top)
    picture = Image.new("L", (round(right - left + 2 * margin), round(bottom - top + 2 * margin)))
    ImageDraw.Draw(picture).text((margin - left, margin - top), text, 255, face)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), float)


def test_quads_begin_at_the_texts_top_left_whatever_the_angle(pairs) -> None:
    """Straightened by their quads words look as Pillow sets their labels, and not so upside down."""
    batch, blank = pairs
    ink = np.abs(batch.images.astype(float) - blank.images).max(-1)
    right, flipped, leaning = [], [], 0
    for i, j in zip(*np.nonzero(batch.valid & ~batch.ignore), strict=True):
        text, quad = CHARSET.decode(batch.labels[i, j]), batch.quads[i, j]
        along, down = quad[1] - quad[0], quad[3] - quad[0]
        if len(text) < 3 or not text.isalnum() or np.linalg.norm(down) < 10:
            continue
        assert along[0] * down[1] - along[1] * down[0] > 0  # clockwise
        leaning += abs(along[1]) > 0.5 * abs(along[0])
        size = (max(12, round(20 * np.linalg.norm(along) / np.linalg.norm(down))), 20)
        wanted = typeset(text, size).ravel()
        right.append(np.corrcoef(upright(ink[i], quad, size).ravel(), wanted)[0, 1])
        turned = quad[[2, 3, 0, 1]]
        flipped.append(np.corrcoef(upright(ink[i], turned, size).ravel(), wanted)[0, 1])
    assert len(right) > 25 and leaning >= 2
    assert np.median(right) > 0.5 > 0.25 > np.median(flipped)
    assert np.mean(np.array(right) > np.array(flipped)) > 0.9


def test_strengths_change_the_picture(draw) -> None:
    clean, full = draw(3, 0, CLEAN), draw(3, 0, FULL)
    np.testing.assert_array_equal(clean.labels[:, 0], full.labels[:, 0])
    for quads, valid in zip(clean.quads, clean.valid, strict=True):
        np.testing.assert_allclose(quads[valid][:, 0, 1], quads[valid][:, 1, 1], atol=1e-3)
    assert np.abs(clean.images.astype(int) - full.images).mean() > 3


def test_lines_keep_their_width_and_their_distance() -> None:
    """Eight words of 100 units on lines of 350: never beyond the end, lines at least a cell apart."""
    words = 8
    texts = scene_text.Texts(
        jnp.ones((words, 25), jnp.int32),
        jnp.zeros(words, jnp.int32),
        jnp.zeros(words, jnp.int32),
        jnp.ones(words, bool),
        jnp.zeros(words, bool),
    )
    full = jnp.ones(words)
    measured = layout.Measured(100 * full, full, 28 * full, full)
    limit = jnp.full(layout.BLOCKS, 350.0)
    run = jax.jit(lambda kind: flow.flow(jax.random.key(kind), measured, texts, kind, limit, 0.0))
    for kind in (flow.STREET, flow.PAGE, flow.RECEIPT):
        placed = jax.tree.map(np.asarray, run(kind))
        assert (placed.left >= 0).all() and (placed.left + placed.width <= 350.01).all()
        for word in range(1, words):
            new = placed.row[word] - placed.row[word - 1]
            assert new in (0, 1)
            if new:
                assert placed.baseline[word] - placed.baseline[word - 1] >= glyphs.CELL
            else:
                gap = placed.left[word] - placed.left[word - 1] - placed.width[word - 1]
                assert gap > 0.25 * glyphs.CELL


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": (100, 160)}, "multiples of 16"),
        ({"words": 0}, "1..256"),
        ({"max_label": 9}, "max_label=9"),
    ],
)
def test_bad_sizes_are_refused(studio, wrong, message) -> None:
    with pytest.raises(ValueError, match=message):
        draw_scenes(jax.random.key(0), studio, batch=1, **wrong)


def test_synth_draws_a_sheet_of_scenes(tmp_path, monkeypatch, capsys) -> None:
    """The command around the drawing: three scenes of a call of four."""
    from gemma3_jax import cli
    from gemma3_jax.commands import synth

    def stripes(key, studio, *, batch, start, difficulty):
        images = jnp.full((batch, 64, 64, 3), 200, jnp.uint8)
        quads = jnp.tile(jnp.array([[8.0, 8], [40, 8], [40, 20], [8, 20]]), (batch, 2, 1, 1))
        valid = jnp.tile(jnp.array([True, False]), (batch, 1))
        return Batch(images, quads, jnp.ones((batch, 2, 25), jnp.int32), valid, ~valid & valid)

    monkeypatch.setenv("GEMMA3_CACHE", str(tmp_path))
    monkeypatch.setattr(synth, "load_atlas", lambda cache: glyphs.builtin_atlas())
    monkeypatch.setattr(synth, "draw_scenes", stripes)
    target = tmp_path / "scenes.png"
    assert cli.main(["synth", "--sheet", str(target), "--scenes", "--count", "3"]) == 0
    assert "3 scenes in 1 faces" in capsys.readouterr().out
    sheet = np.asarray(Image.open(target).convert("RGB"))
    assert sheet.shape == (64 + 18, 4 * (64 + 4), 3)
    assert (sheet[8, 20] == [255, 0, 0]).all()  # the quad's upper edge
    assert cli.main(["synth", "--sheet", str(target), "--scenes", "--count", "999"]) == 2
