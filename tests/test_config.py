"""Configs: JSON there and back, checks where they are built, overrides."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma3_jax.charset import PRINTABLE_ASCII, Charset
from gemma3_jax.config import MODELS, Config, DataConfig, ModelConfig, OptimizerConfig
from gemma3_jax.training.cli import load_config

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_experiment_file_builds_and_says_how_it_is_run(path):
    config = load_config(path, [])
    assert Config.from_json(config.to_json()) == config
    assert f"--config configs/{path.name}" in path.read_text()
    assert len(path.read_text().splitlines()) <= 60


def test_overrides_reach_nested_entries_and_unknown_ones_are_named():
    config = load_config(
        CONFIGS[0], ["optimizer.total_steps=7777", "model.window=8", "start_from=elsewhere"]
    )
    assert (config.optimizer.total_steps, config.model.window, config.start_from) == (
        7777,
        8,
        "elsewhere",
    )
    with pytest.raises(ValueError, match=r"model\.depth"):
        load_config(CONFIGS[0], ["model.depth=3"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embed": 100, "heads": 3}, "divisible"),
        ({"stage_depths": (1,)}, "differ in length"),
        ({"strip_widths": (8,)}, "two entries"),
        ({"window": 0}, "window"),
        ({"charset": "aa"}, "more than once"),
        ({"charset": ""}, "empty"),
    ],
)
def test_impossible_models_are_refused_where_they_are_built(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ModelConfig(), **change)


def test_warm_up_must_end_before_the_run():
    with pytest.raises(ValueError, match="warmup_steps"):
        OptimizerConfig(warmup_steps=10, total_steps=10)


def test_types_are_checked_on_the_way_in():
    text = Config().to_json().replace('"seed": 0', '"seed": "zero"')
    with pytest.raises(ValueError, match=r"config\.seed: expected int"):
        Config.from_json(text)


def test_names_of_models_are_their_keys():
    assert all(config.name == name for name, config in MODELS.items())


@given(st.text(PRINTABLE_ASCII, max_size=25))
def test_charset_round_trip(text):
    charset = Charset()
    assert charset.decode(charset.encode(text)) == text
    assert charset.decode(charset.pad([text], 25)[0]) == text


def test_charset_names_what_it_lacks():
    with pytest.raises(ValueError, match="é"):
        Charset("abc").encode("café")
    with pytest.raises(ValueError, match="at most 2"):
        Charset().pad(["abc"], 2)


def test_scenes_of_ones_own_travel_through_json_and_bad_shapes_are_refused():
    data = DataConfig(own_scenes={"photos": 2.0}, scene_buckets=((288, 64, 0.75), (640, 128, 0.25)))
    assert Config.from_json(Config(data=data).to_json()).data == data
    with pytest.raises(ValueError, match=r"scene_buckets: \(300, 64, 1.0\) must be"):
        DataConfig(scene_buckets=((300, 64, 1.0),))
