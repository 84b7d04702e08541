"""What the TPU compiler's text says, read by hand-made programs; and that our programs are what a TPU wants.

The last test compiles a step for a real slice. It is skipped without libtpu (`pip install "jax[tpu]"`, 0.7 GB), and with it
takes longer than a test here should: a minute on a quiet core.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_model import SMALL

sys.path.insert(0, str(Path(__file__).parent.parent))  # benchmarks/ is no part of the package

from benchmarks.tpu_aot import scaled
from benchmarks.tpu_hlo import collectives, cycles, phase
from gemma3_jax.data.paint import piece
from gemma3_jax.model.crop import Features, sample_strips
from gemma3_jax.model.depthwise import depthwise
from gemma3_jax.model.spotter import Spotter, init_variables
from gemma3_jax.training.cli import load_config
from gemma3_jax.training.mesh import check_divisible

ROOT = Path(__file__).parent.parent
PROGRAM = """HloModule step

%fused (p: f32[8]) -> f32[8] {
  %p = f32[8]{0} parameter(0)
  ROOT %gathered.2 = f32[8,2]{1,0} all-gather(%p), channel_id=7, dimensions={0}
}

%body.1 (t: (s32[], f32[8])) -> (s32[], f32[8]) {
  %a = f32[8]{0} fusion(%t), calls=%fused, metadata={op_name="jit(step)/jvp(Model)/scan/add"}, {"estimated_cycles":"10"}
}

%condition.1 (t: (s32[], f32[8])) -> pred[] {
  %limit = s32[]{:T(128)} constant(24)
  ROOT %less = pred[] compare(%i, %limit), direction=LT
}

ENTRY %main.9 (x: f32[8]) -> f32[8] {
  %drawn = f32[8]{0} fusion(%x), calls=%fused, metadata={op_name="jit(step)/draw/vmap()/mul"}, {"estimated_cycles":"5"}
  %loop = (s32[], f32[8]{0}) while(%drawn), condition=%condition.1, body=%body.1
  %back = f32[8]{0} fusion(%loop), calls=%fused, metadata={op_name="jit(step)/transpose(jvp(M))/mul"}, {"estimated_cycles":"7"}
  %gathered = f32[8,2]{1,0} all-gather(%back), channel_id=7, dimensions={0}
  %summed = (f32[4]{0}, bf16[3,2]{1,0}) all-reduce(%back, %back), channel_id=8, to_apply=%sum
  %sent = (u8[6]{0}, u8[6]{0}, u32[], u32[]) collective-permute-start(%drawn), channel_id=9
  %adam = f32[8]{0} fusion(%back), calls=%fused, metadata={op_name="jit(step)/mul"}, {"estimated_cycles":"3"}
}
"""


def test_collectives_count_once_and_say_their_bytes():
    assert collectives(PROGRAM) == {
        "all-gather": (1, 64),
        "all-reduce": (1, 4 * 4 + 6 * 2),
        "collective-permute": (1, (6 + 6 + 4 + 4) // 2),
    }


def test_cycles_of_a_loop_count_as_often_as_it_runs():
    assert cycles(PROGRAM) == {"draw": 5, "forward": 24 * 10, "backward": 7, "update": 3}


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("jit(step)/draw/vmap(jit(_pad))/pad", "draw"),
        ("jit(step)/jvp(Spotter.read)/recognizer/mul", "forward"),
        ("jit(step)/transpose(jvp(Spotter.read))/mul", "backward"),
        ("jit(step)/sub", "update"),
    ],
)
def test_phases_by_scope(scope, name):
    assert phase(scope) == name


@pytest.mark.parametrize(
    ("platform", "rows", "convolutions"),
    [("tpu", 16, 3), ("tpu", 17, 0), ("cpu", 16, 0), ("cuda", 16, 0)],
)
def test_depthwise_is_a_convolution_for_tpus_and_strips_only(platform, rows, convolutions):
    """The layer and both of its gradients, in the program that is handed to the compiler."""
    x, kernel = jax.ShapeDtypeStruct((2, rows, 8, 4), jnp.float32), jnp.ones((3, 3, 1, 4))

    def step(x, kernel):
        out, back = jax.vjp(depthwise, x, kernel)
        return out, back(jnp.sin(out))

    program = jax.jit(step).trace(x, kernel).lower(lowering_platforms=(platform,)).as_text()
    assert program.count("stablehlo.convolution") == convolutions


def products(jaxpr) -> list[tuple[str, ...]]:
    """Operand types of every matrix product and convolution."""
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            found.append(tuple(str(operand.aval.dtype) for operand in equation.invars))
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found += products(inner)
    return found


def test_where_a_strip_is_sampled_is_not_left_to_bfloat16_matrix_units():
    features = Features(jnp.zeros((1, 16, 32, 3)), jnp.zeros((1, 8, 16, 2)))
    quads = jnp.array([[[[1.0, 2], [30, 3], [29, 12], [2, 11]]]])
    assert products(jax.make_jaxpr(lambda q: sample_strips(features, q, 16, 64))(quads).jaxpr) == []


@pytest.mark.parametrize("train", [True, False])
def test_bfloat16_reaches_every_layer_but_the_last(train):
    """A norm or convolution that is not told its type makes all that follows float32, and a step twice as slow."""
    variables = jax.eval_shape(lambda: init_variables(SMALL, jax.random.key(0)))
    model = Spotter(SMALL, train=train, dtype=jnp.bfloat16)
    images, widths = jnp.zeros((1, 32, 64, 3)), jnp.full((1,), 64.0)

    def read(variables):
        return model.apply(variables, images, widths, method="read_canvas", mutable=["batch_stats"])

    kinds = products(jax.make_jaxpr(read)(variables).jaxpr)
    assert len(kinds) > 20 and set(kinds) == {("bfloat16", "bfloat16")}
    log_probs, updates = jax.eval_shape(read, variables)
    assert log_probs.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} <= {jnp.dtype("float32")}


def test_a_piece_of_background_is_what_one_slice_gives():
    patches = np.random.default_rng(0).integers(0, 255, (4, 9, 12, 3)).astype(np.uint8)
    at = (np.array([3, 0, 2]), np.array([1, 4, 2]), np.array([0, 5, 7]))
    found = jax.vmap(lambda *at: piece(jnp.asarray(patches), at, (5, 5)))(*map(jnp.asarray, at))
    for n, (patch, row, column) in enumerate(zip(*at, strict=True)):
        expected = patches[patch, row : row + 5, column : column + 5].transpose(2, 0, 1) / 255
        np.testing.assert_allclose(found[n], expected, atol=1e-6)


@pytest.mark.parametrize("chips", [4, 8, 16, 256])
def test_the_pods_counts_divide_on_every_slice(chips):
    """As docs/tpu.md gives them: what a chip has on eight chips."""
    config = scaled(load_config(ROOT / "configs" / "tpu_pod.py", []), chips)
    check_divisible(config, SimpleNamespace(size=chips))  # type: ignore[arg-type]
    data = config.data
    assert data.strips + data.real_strips == 256 * chips
    assert data.scenes + data.real_scenes == 16 * chips


@pytest.mark.skipif(find_spec("libtpu") is None, reason='libtpu: pip install "jax[tpu]", 0.7 GB')
def test_a_training_step_compiles_for_a_v5e_slice(tmp_path):
    """Real scenes only, so that no drawing is compiled; the benchmark itself, as a program."""
    from gemma3_jax.config import Config, DataConfig

    model = dataclasses.replace(SMALL, stage_widths=(8,), stage_depths=(1,), attention_depth=0)
    data = DataConfig(strips=0, real_strips=0, real_scenes=16, scene_size=32, read_words=2)
    text = Config(model=model, data=data).to_json()
    config = f"from gemma3_jax.config import Config\nconfig = Config.from_json({text!r})\n"
    (tmp_path / "small.py").write_text(config)
    command = [sys.executable, "-m", "benchmarks.tpu_aot", "--out", str(tmp_path / "rows")]
    command += ["--config", str(tmp_path / "small.py"), "--topologies", "v5e:2x2"]
    environment = os.environ | {"ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    done = subprocess.run(
        [*command, "--programs", "train"], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    row = json.loads((tmp_path / "rows").read_text())
    assert row["chip"] == "v5e" and row["devices"] == 4 and row["samples"] == "0, 2"
    assert row["flops"] > 1e5 and 0 < row["all"] < row["hbm"]
    assert row["collectives"]["all-reduce"][0] >= 1  # of the gradients
    assert row["cycles"]["backward"] > row["cycles"]["draw"] == 0
    assert "| train | v5e:2x2 | 0, 2 |" in done.stdout
