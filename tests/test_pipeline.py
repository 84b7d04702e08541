"""The feed of real scenes: the same batches whoever computes them, static shapes, mixing, what goes wrong."""

from __future__ import annotations

import collections
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gemma3_jax.data.corpora import Annotation, Sample, rectangle
from gemma3_jax.data.cutting import cut, move
from gemma3_jax.data.pipeline.feed import Bucket, ScenePipeline, Workers
from gemma3_jax.data.pipeline.manifest import write_manifest
from gemma3_jax.data.scenes import ScenePool, SceneSet, real_scenes
from gemma3_jax.types import Batch

BUCKETS = (Bucket((32, 64), 4, weight=3.0), Bucket((64, 64), 8))


def picture(path: Path, seed: int, words: int = 3) -> Sample:
    """A noise picture of 120 x 90 px with `words` words of 24 x 10 px, every third of them do not care."""
    noise = np.random.default_rng(seed).integers(0, 255, (90, 120, 3), np.uint8)
    Image.fromarray(noise).save(path)
    boxes = [rectangle(5 + 30 * i, 20, 29 + 30 * i, 30) for i in range(words)]
    return Sample(path, [Annotation(box, f"w{i}", i == 2) for i, box in enumerate(boxes)])


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> ScenePool:
    folder = tmp_path_factory.mktemp("pictures")
    return ScenePool([SceneSet([picture(folder / f"{i}.png", i) for i in range(5)])])


@pytest.fixture
def pipeline(pool: ScenePool) -> ScenePipeline:
    return ScenePipeline(pool, batch=4, buckets=BUCKETS, seed=3)


@pytest.fixture
def grain():
    return pytest.importorskip(
        "grain", reason="grain is not installed: pip install gemma3_jax[train]"
    )


def assert_same(first: Batch, second: Batch) -> None:
    for name, a, b in zip(Batch._fields, first, second, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize(
    "workers", [Workers(1), Workers(3, ahead=1), Workers(processes=2)], ids=str
)
def test_batches_are_the_same_whoever_computes_them(grain, pipeline, workers: Workers) -> None:
    stream = pipeline.stream(5, workers)
    for step in range(5, 9):
        batch = next(stream)
        assert type(batch) is Batch and type(batch.images) is np.ndarray
        assert_same(batch, pipeline[step])
    stream.close()


def test_a_resumed_stream_goes_on_where_it_was(grain, pipeline) -> None:
    unbroken = list(itertools.islice(pipeline.stream(), 6))
    first = pipeline.stream()
    for _ in range(4):
        next(first)
    by_state = pipeline.stream()
    by_state.set_state(first.get_state())
    for resumed in (pipeline.stream(4), by_state):
        for batch in unbroken[4:]:
            assert_same(next(resumed), batch)


@pytest.mark.parametrize("hosts", [2, 4])
def test_the_shares_of_all_hosts_are_the_batch_of_one(pool, pipeline, hosts: int) -> None:
    shares = [ScenePipeline(pool, 4, BUCKETS, 3, shard=(i, hosts)) for i in range(hosts)]
    for step in range(6):
        parts = [share[step] for share in shares]
        whole = Batch(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
        assert_same(whole, pipeline[step])
        rows = {image.tobytes() for part in parts for image in part.images}
        assert len(rows) == 4, "two hosts cut the same crop"


def test_shapes_are_those_of_the_buckets_and_a_step_compiles_once_for_each(pipeline) -> None:
    import jax

    traced = collections.Counter()

    @jax.jit
    def step(batch: Batch):
        traced[batch.images.shape, batch.quads.shape] += 1
        return batch.images.sum() + batch.quads.sum()

    for i in range(40):
        step(pipeline[i])
    assert traced == {
        ((4, 32, 64, 3), (4, 4, 4, 2)): 1,
        ((4, 64, 64, 3), (4, 8, 4, 2)): 1,
    }


def test_buckets_are_drawn_by_weight(pipeline) -> None:
    drawn = sum(pipeline.bucket(step) == BUCKETS[0] for step in range(2000))
    assert abs(drawn - 1500) < 4 * np.sqrt(2000 * 0.75 * 0.25)


def test_drawn_scenes_take_the_shape_of_the_real(pipeline, monkeypatch) -> None:
    import jax.numpy as jnp

    from gemma3_jax.config import Config, DataConfig
    from gemma3_jax.data import drawn_scenes
    from gemma3_jax.training.sources import Resident, scenes_of_step

    def draw(key, studio, *, batch, size, words, max_label, difficulty) -> Batch:
        slots = np.zeros((batch, words), bool)
        labels = np.zeros((batch, words, max_label), np.int32)
        return Batch(
            np.zeros((batch, *size, 3), np.uint8),
            np.zeros((batch, words, 4, 2)),
            labels,
            slots,
            slots,
        )

    monkeypatch.setattr(drawn_scenes, "draw_scenes", draw)
    config = Config(data=DataConfig(scenes=2, scene_size=96, scene_words=5))
    for step in range(8):
        joined = scenes_of_step(config, Resident(None, None), jnp.int32(step), pipeline[step])
        assert joined is not None and joined.images.shape == (6, *pipeline.bucket(step).size, 3)
        assert joined.quads.shape[1] == pipeline.bucket(step).slots
    alone = scenes_of_step(config, Resident(None, None), jnp.int32(0), None)
    assert alone is not None and alone.images.shape == (2, 96, 96, 3)


def test_sets_are_mixed_by_weight(tmp_path: Path) -> None:
    sets = [
        SceneSet([picture(tmp_path / f"{weight}-{i}.png", i) for i in range(size)], weight)
        for weight, size in ((6.0, 2), (3.0, 7), (1.0, 1))  # sizes do not count, weights do
    ]
    opened = collections.Counter()

    class Counting(ScenePool):
        def image(self, path: Path) -> np.ndarray:
            opened[path.name.split("-")[0]] += 1
            return super().image(path)

    pipeline = ScenePipeline(Counting(sets), 20, (Bucket((16, 16), 2),))
    for step in range(50):
        pipeline[step]
    for weight in (6.0, 3.0, 1.0):
        share = weight / 10
        assert abs(opened[str(weight)] - 1000 * share) < 4 * np.sqrt(1000 * share * (1 - share))


def test_own_pictures_come_beside_the_public_sets(tmp_path: Path) -> None:
    from gemma3_jax.data.annotations import write_folder

    samples = [picture(tmp_path / "own.png", 0)]
    write_folder(samples, tmp_path / "voc", "voc")
    write_manifest(samples, tmp_path / "own.jsonl")
    own = {str(tmp_path / "voc"): 3.0, str(tmp_path / "own.jsonl"): 1.0, str(tmp_path / "no"): 0.0}
    pool = real_scenes(tmp_path, weights={"ic15": 0.0}, own=own)
    assert pool.shares.tolist() == [0.75, 0.25]
    assert [[word.text for word in each.samples[0].words[:2]] for each in pool.sets] == [
        ["w0", "w1"]
    ] * 2
    with pytest.raises(ValueError, match=r"no scene sets \['ic16'\], known are \['funsd', 'ic15'"):
        real_scenes(tmp_path, weights={"ic16": 1.0})
    with pytest.raises(ValueError, match="weights of sets must be positive"):
        ScenePool([SceneSet(samples, -1.0)])


def test_boxes_and_do_not_care_regions_follow_a_quarter_turn() -> None:
    """Clockwise by 90 degrees in an 8 x 6 picture: (x, y) -> (6 - y, x), worked by hand."""
    turn = np.array([[0.0, -1.0, 6.0], [1.0, 0.0, 0.0]])
    image = np.zeros((6, 8, 3), np.uint8)
    image[2:4, 1:5], image[5, 7] = 255, 128  # a word, and a do-not-care of one pixel
    quads = np.stack([rectangle(1, 2, 5, 4), rectangle(7, 5, 8, 6)])
    turned = move(quads, turn)
    np.testing.assert_array_equal(turned[0], [[4, 1], [4, 5], [2, 5], [2, 1]])
    np.testing.assert_array_equal(turned[1], [[1, 7], [1, 8], [0, 8], [0, 7]])
    expected = np.zeros((8, 6, 3), np.uint8)
    expected[1:5, 2:4], expected[7, 0] = 255, 128
    np.testing.assert_array_equal(cut(image, turn, (8, 6)), expected)


def test_boxes_follow_scale_and_place() -> None:
    """Twice as large, 3 px to the left and 1 px up, worked by hand."""
    twice = np.array([[2.0, 0.0, -3.0], [0.0, 2.0, -1.0]])
    quads = move(rectangle(2, 1, 6, 3)[None], twice)
    np.testing.assert_array_equal(quads[0], [[1, 1], [9, 1], [9, 5], [1, 5]])
    image = np.zeros((6, 8, 3), np.uint8)
    image[1:3, 2:6] = 255
    crop = cut(image, twice, (8, 12))
    assert (crop[2:4, 2:8] == 255).all() and not crop[6:, :].any() and not crop[:, 10:].any()


def test_a_manifest_feeds_like_a_list(pool: ScenePool, pipeline, tmp_path: Path) -> None:
    manifest = write_manifest(pool.sets[0].samples, tmp_path / "list.jsonl")
    streamed = ScenePipeline(ScenePool([SceneSet(manifest)]), 4, BUCKETS, 3)
    assert_same(streamed[1], pipeline[1])


def test_a_picture_that_cannot_be_read_is_named_to_the_trainer(grain, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    words = [Annotation(rectangle(0, 0, 9, 9), "a")]
    broken = ScenePool([SceneSet([Sample(tmp_path / "broken.png", words)])])
    with pytest.raises(Exception, match=r"broken\.png"):
        next(ScenePipeline(broken, 1, BUCKETS).stream())


def test_wrong_counts_are_refused_with_both_numbers(pool: ScenePool) -> None:
    with pytest.raises(ValueError, match=r"batch=4 must be a positive multiple of hosts=3"):
        ScenePipeline(pool, 4, BUCKETS, shard=(0, 3))
    with pytest.raises(ValueError, match=r"shard=\(2, 2\)"):
        ScenePipeline(pool, 4, BUCKETS, shard=(2, 2))
    with pytest.raises(ValueError, match="must be positive sizes, slots and weights"):
        ScenePipeline(pool, 4, (Bucket((32, 0), 4),))


def test_without_grain_one_line_says_what_to_install(pipeline, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "gemma3_jax\[train\]"'):
        pipeline.stream()


def test_nothing_imports_grain_before_a_stream_is_opened() -> None:
    code = (
        "import sys, gemma3_jax.training.sources, gemma3_jax.data.pipeline.feed;"
        "print('grain' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
