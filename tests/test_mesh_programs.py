"""The real programs over several devices: drawing is divided between them, and the network trains as on one."""

from __future__ import annotations

import re
from typing import Any

import jax
import numpy as np
import toy_run
from test_mesh import close, final

from gemma3_jax.training import mesh as meshes


def test_each_device_draws_its_own_share():
    """In the compiled program every picture-like array has a device's share of the crops, and nothing is sent."""
    from gemma3_jax.data.backgrounds import procedural_backgrounds
    from gemma3_jax.data.glyphs import builtin_atlas
    from gemma3_jax.data.lexicon import load_lexicon
    from gemma3_jax.data.synthetic import draw_strips, prepare

    mesh = meshes.build_mesh()
    studio = prepare(builtin_atlas(), load_lexicon(None), procedural_backgrounds(2))
    studio = meshes.place(studio, meshes.replicated(mesh))

    @jax.jit
    def draw(step, studio):
        key = jax.random.fold_in(jax.random.key(1), step)
        batch = draw_strips(key, studio, batch=6, height=32, width=48)
        return jax.lax.with_sharding_constraint(batch, meshes.batched(mesh))

    quick: Any = {"xla_backend_optimization_level": 0}
    program = draw.lower(np.int32(0), studio).compile(compiler_options=quick).as_text()
    assert program is not None
    shares = re.findall(r"= \w+\[(\d+),32,48", program)
    assert len(shares) > 100 and set(shares) == {str(6 // mesh.size)}
    for collective in ("all-gather", "all-reduce", "all-to-all", "collective-permute"):
        assert f" {collective}(" not in program


def test_the_network_trains_on_eight_devices_as_on_one(tmp_path):
    """The real one, its statistics over all devices, its parameters split: three steps."""
    from gemma3_jax.training.state import abstract_state

    variants = {mesh: {"mesh": mesh} for mesh in ("data=1", "data=4,fsdp=2")}
    process = toy_run.launch(
        tmp_path,
        *("--mesh", "data=8"),
        cache=tmp_path / "cache",
        variants=variants,
        network=True,
        total=3,
    )
    toy_run.finish(process)
    one, eight = (tmp_path / mesh for mesh in variants)
    close(toy_run.losses(eight), toy_run.losses(one), rtol=1e-4)
    like = abstract_state(toy_run.config(3))
    first, second = final(eight, like), final(one, like)
    close(first.batch_stats, second.batch_stats, rtol=1e-4, atol=1e-5)
    close(first.params, second.params, atol=1e-3)  # Adam divides by gradients that may be noise
