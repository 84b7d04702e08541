"""What a teacher's answers add to the labels (Hinton et al. 2015): soft columns, soft heat."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gemma3_jax.losses.ctc import IMPOSSIBLE
from gemma3_jax.losses.focal import focal_loss


def column_divergence(
    log_probs: Float[Array, "b t v"], told: Float[Array, "b t v"], counts: Bool[Array, " b"]
) -> Float[Array, ""]:
    """KL(teacher || student) in nats, a sum over the columns of a word, as CTC's loss is, and a mean over the words that count.

    Column by column: both networks see the same strip, and a student that was cut out of its teacher (`prune`) peaks where it
    does. Columns past a strip's end say blank for certain in both and add nothing.
    """
    possible = told > IMPOSSIBLE
    told = jax.lax.stop_gradient(told.astype(jnp.float32))
    gap = jnp.where(possible, told - log_probs.astype(jnp.float32), 0.0)
    words = jnp.sum(jnp.exp(told) * gap, axis=(1, 2))
    counts = counts.astype(jnp.float32)
    return jnp.sum(words * counts) / jnp.maximum(jnp.sum(counts), 1.0)


def heat_divergence(logits: Float[Array, "b h w"], told: Float[Array, "b h w"]) -> Float[Array, ""]:
    """The focal loss with the teacher's heat (logits `told`) as its soft target: what the teacher takes for a word, unlabelled
    words too."""
    target = jax.nn.sigmoid(jax.lax.stop_gradient(told.astype(jnp.float32)))
    return focal_loss(logits, target, jnp.ones_like(target))
