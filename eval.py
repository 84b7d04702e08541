"""Measure a model beside its peers: `python eval.py --config base --data ../shared/data --sets all-val`.

The peers (RapidOCR, Tesseract) read the same pictures through the same metrics where they are installed; what they
said is kept in `.cache/gemma3_jax/peers`, so a second run, or one that was stopped, only reads what is missing.
`gemma3-ocr eval` is the same without peers.
"""

from __future__ import annotations

import sys
from typing import Annotated

import tyro

from benchmarks.peers import PEERS, open_peers
from gemma3_jax.evaluation import Settings, run


def main(
    settings: Annotated[Settings, tyro.conf.arg(name="")], peers: tuple[str, ...] = PEERS
) -> None:
    """Measure a model and its peers on the same pictures and print one table.

    Args:
        settings: what to measure.
        peers: which peers to measure too; nothing after --peers for none.
    """
    readers, missing = open_peers(peers)
    for line in missing:
        print(line, file=sys.stderr)
    run(settings, readers)


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(f"eval.py: {error}") from error
