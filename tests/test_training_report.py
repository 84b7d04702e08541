"""What a run tells: figures in files that survive a restart, TensorBoard's own format, pictures, a command line."""

from __future__ import annotations

import builtins
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import toy_run
from etils import epath

from gemma3_jax.training import cli, report
from gemma3_jax.training.report import Lines, Report, as_text
from gemma3_jax.types import Spotted


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_resumed_run_has_each_step_once(tmp_path):
    with Report(epath.Path(tmp_path), 0, 9) as told:
        for step in (1, 2, 3):
            told(step, {"loss": float(step)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # killed here
    with Report(epath.Path(tmp_path), 2, 9) as told:
        told(3, {"loss": 3.5})
    assert written(tmp_path) == [{"step": s, "loss": x} for s, x in ((1, 1.0), (2, 2.0), (3, 3.5))]


def test_the_log_keeps_the_history(tmp_path, capsys):
    for start in (0, 1):
        with Report(epath.Path(tmp_path), start, 9) as told:
            told.note(f"from step {start} on")
            told(start + 1, {"loss": 0.123456, "rate": 2.0})
    lines = (tmp_path / "train.log").read_text().splitlines()
    assert [line[21:] for line in lines] == [
        "from step 0 on",
        "step 1  loss 0.1235  rate 2",
        "from step 1 on",
        "step 2  loss 0.1235  rate 2",
    ]
    assert "step 2  loss 0.1235  rate 2" in capsys.readouterr().out


def test_only_process_0_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "is_lead", lambda: False)
    with Report(epath.Path(tmp_path), 0, 9, tensorboard=True) as told:
        told(1, {"loss": 1.0})
        told.note("hello")
        told.images(1, {"scene": np.zeros((4, 4, 3), np.uint8)})
    assert not list(tmp_path.iterdir()) and capsys.readouterr().out == ""


def test_in_a_bucket_a_log_is_written_anew(tmp_path, monkeypatch):
    path = epath.Path(tmp_path / "log")
    path.write_text("before\n")
    lines = Lines(path, remote=True)
    lines.add("one")
    assert path.read_text() == "before\n"  # not each line by itself
    monkeypatch.setattr(report, "REWRITE_S", -1.0)
    lines.add("two")
    assert path.read_text() == "before\none\ntwo\n"
    lines.add("three")
    lines.close()
    assert path.read_text() == "before\none\ntwo\nthree\n"


def events(folder: Path) -> list[Any]:
    """TensorBoard's records: length, its checksum, an event, its checksum."""
    proto = pytest.importorskip("tensorboardX.proto.event_pb2", reason="needs tensorboardX")
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            found.append(proto.Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def test_tensorboard_gets_scalars_and_pictures(tmp_path):
    pytest.importorskip("tensorboardX", reason="the [train] extra is not installed")
    picture = np.full((5, 7, 3), 200, np.uint8)
    with Report(epath.Path(tmp_path), 4, 9, tensorboard=True) as told:
        told(5, {"loss": 0.5})
        told(5, {"iiit5k-val": 0.25}, "validation")
        told.images(5, {"scene0": picture})
    values = {value.tag: value for event in events(tmp_path) for value in event.summary.value}
    assert values["train/loss"].simple_value == 0.5
    assert values["validation/iiit5k-val"].simple_value == 0.25
    image = values["validation/scene0"].image
    assert (image.height, image.width) == (5, 7) and image.encoded_image_string[1:4] == b"PNG"


def test_without_tensorboardx_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "tensorboardX":
            raise ModuleNotFoundError("No module named 'tensorboardX'", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ModuleNotFoundError, match=r"gemma3_jax\[train\]"):
        Report(epath.Path(tmp_path), 0, 9, tensorboard=True)


def test_pictures_show_boxes_and_text_of_what_was_found(monkeypatch):
    from gemma3_jax.model import spotter
    from gemma3_jax.training.pictures import scene_pictures, validation_scenes
    from gemma3_jax.types import Batch

    box = np.array([[10, 20], [60, 20], [60, 40], [10, 40]], np.float32)
    batch = Batch(np.full((2, 64, 96, 3), 255, np.uint8), np.zeros((2, 3, 4, 2)), None, None, None)
    valid = np.array([[True, False, False], [False, False, False]])
    found = Spotted(
        np.tile(box, (2, 3, 1, 1)),
        np.ones((2, 3)),
        np.ones((2, 3, 8), int),
        np.ones((2, 3, 8)),
        valid,
    )
    monkeypatch.setattr(spotter, "spot", lambda *given, **more: found)
    shown = scene_pictures(toy_run.CONFIG, batch)({})
    assert list(shown) == ["scene0", "scene1"]
    coloured = [int((np.ptp(image.astype(int), axis=-1) > 60).sum()) for image in shown.values()]
    assert coloured[0] > 500 and coloured[1] == 0  # teal ink around the one word
    plain = SimpleNamespace(data=SimpleNamespace(real_scenes=0, scenes=0))
    given: Any = plain
    assert validation_scenes(given, Path("nowhere"), given) is None


def test_validation_counts_words_read_right_by_corpus(monkeypatch):
    from gemma3_jax.data.word_pack import WordPack
    from gemma3_jax.training import validate

    texts = ["abc", "abd", "hh", "a", "e"]
    alphabet = toy_run.CONFIG.model.alphabet
    images = np.zeros((5, 32, 128, 3), np.uint8)
    for row, text in enumerate(["abc", "abc", "hh", "a", "f"]):  # what the "network" will see
        ids = alphabet.encode(text)
        images[row, 0, : 2 * len(ids) : 2, 0] = ids  # a blank between letters
    pack = WordPack(
        images,
        np.full(5, 128, np.int32),
        np.asarray(alphabet.pad(texts, 25), np.int32),
        np.array([0, 0, 1, 1, 1], np.int8),
        ("one-val", "two-val"),
    )

    def read(config: Any, variables: Any, images: Any, widths: Any) -> Any:
        return jnp.eye(9)[images[:, 0, :32, 0]]

    monkeypatch.setattr(validate, "read_strips", read)
    check = validate.word_validator(toy_run.CONFIG, pack, batch=3)  # uneven: 4 rows, 1 row
    state: Any = SimpleNamespace(ema={})
    assert check(state) == {"one-val": 0.5, "two-val": pytest.approx(2 / 3)}


def test_set_takes_several_values_and_several_times():
    given = ["--config", "c", "--workdir", "gs://bucket/run"]
    args = cli.parse([*given, "--set", "a=1", "b=2", "--log-every", "5", "--set", "c=3"])
    assert args.set == ["a=1", "b=2", "c=3"] and args.log_every == 5
    assert args.workdir == "gs://bucket/run" and cli.parse(given).set == []


def test_the_command_hands_the_loop_what_was_asked_for(tmp_path, monkeypatch):
    from gemma3_jax.training import loop, sources
    from gemma3_jax.training.preemption import Preempted

    given: dict[str, Any] = {}

    def train(config: Any, resident: Any, workdir: str, **more: Any) -> Any:
        given.update(config=config, workdir=workdir, **more)
        raise Preempted("SIGTERM")

    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr(sources, "load_resident", lambda *paths: sources.Resident(None, None))
    monkeypatch.setattr(cli, "start_jax", lambda args: None)  # JAX has started already
    config = Path(__file__).parent.parent / "configs" / "debug.py"
    run = ["--config", str(config), "--workdir", "gs://bucket/run", "--cache", str(tmp_path)]
    flags = ["--mesh", "data=1", "--keep", "3", "--tensorboard", "--set", "seed=5", "data.strips=8"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*run, "--data", str(tmp_path), *flags])
    assert ended.value.code == 143
    assert (given["config"].seed, given["config"].data.strips) == (5, 8)
    assert given["workdir"] == "gs://bucket/run" and given["mesh"].size == 1
    assert given["schedule"].keep == 3 and given["tensorboard"] is True
    assert given["scenes"] is given["variables"] is given["validate"] is given["pictures"] is None


def test_figures_are_short():
    assert (
        as_text(7, {"loss": 1.23456789, "steps_per_s": 10.0})
        == "step 7  loss 1.235  steps_per_s 10"
    )
