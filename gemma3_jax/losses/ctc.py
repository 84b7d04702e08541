"""Connectionist temporal classification over the valid words of a batch."""

from __future__ import annotations

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from gemma3_jax.charset import BLANK

IMPOSSIBLE = -5e3  # below this a class is ruled out by the strip's mask, not by the network


def ctc_loss(
    log_probs: Float[Array, "b t v"], labels: Int[Array, "b l"], valid: Bool[Array, " b"]
) -> Float[Array, ""]:
    """Mean of `-log p(label)` over valid words (Graves et al. 2006, eq. 8), always in float32.

    `labels` are zero-padded ids, an all-zero row never counts. Columns past the end of a strip carry blank with
    probability one (Recognizer), so no column padding is needed. A label that cannot fit its columns (length plus repeats >
    t) is left out instead of giving the batch an infinite loss.
    """
    padding = (labels == BLANK).astype(jnp.float32)
    length = jnp.sum(labels != BLANK, axis=1)
    repeats = jnp.sum((labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != BLANK), axis=1)
    columns = jnp.sum(log_probs[..., BLANK + 1] > IMPOSSIBLE, axis=1)
    counts = valid & (length > 0) & (length + repeats <= columns)
    logits = log_probs.astype(jnp.float32)
    losses = optax.ctc_loss(logits, jnp.zeros(logits.shape[:2]), labels, padding, blank_id=BLANK)
    counts = counts.astype(jnp.float32)
    return jnp.sum(jnp.where(counts > 0, losses, 0.0)) / jnp.maximum(jnp.sum(counts), 1.0)


def nothing_loss(log_probs: Float[Array, "b t v"], valid: Bool[Array, " b"]) -> Float[Array, ""]:
    """Mean of `-log p(no text)` over valid boxes: CTC of the empty label, whose one alignment is a blank in every column."""
    losses = -jnp.sum(log_probs[..., BLANK].astype(jnp.float32), axis=1)
    counts = valid.astype(jnp.float32)
    return jnp.sum(losses * counts) / jnp.maximum(jnp.sum(counts), 1.0)
