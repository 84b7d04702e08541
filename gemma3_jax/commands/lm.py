"""`gemma3-ocr lm`: a corpus to a language model file, and what a model thinks of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import LmBuild, LmScore


def lm_build(command: LmBuild) -> int:
    """Write the model and say what is in it."""
    from gemma3_jax.language.build import build, read_counts
    from gemma3_jax.language.model import save

    counts = read_counts(command.corpus)
    model = build(counts, command.order, command.prune, command.alphabet)
    command.output.parent.mkdir(parents=True, exist_ok=True)
    save(model, command.output)
    grams = sum(len(order.symbols) for order in model.chars.orders)
    kilobytes = command.output.stat().st_size / 1000
    print(
        f"{command.output}: {grams} n-grams over {len(model.chars.alphabet)} letters, {len(model.words)} words, "
        f"{kilobytes:.0f} kB, from {len(counts)} words"
    )
    return 0


def lm_score(command: LmScore) -> int:
    """One line per text: log-probability, whether it may be changed, the text."""
    from gemma3_jax.language.fusion import may_change
    from gemma3_jax.language.model import load

    model = load(command.language_model)
    for text in command.texts:
        word = "word" if may_change(text, model.chars.alphabet) else "left alone"
        print(f"{model.log_prob(text):8.2f}  {word:10}  {text}")
    return 0
