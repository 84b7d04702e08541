"""No file is left behind that has not been compared with the model."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from gemma3_jax import __version__
from gemma3_jax.config import COLUMN_PX, ModelConfig


def leave_checked(
    folder: Path, write: Callable[[Path], None], check: Callable[[Path], None]
) -> list[Path]:
    """Move what `write(temporary folder)` made into `folder`, which sees none of it before `check(temporary folder)` has
    passed; returns the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unchecked-") as name:
        unchecked = Path(name)
        write(unchecked)
        check(unchecked)
        left = []
        for path in sorted(path for path in unchecked.rglob("*") if path.is_file()):
            place = folder / path.relative_to(unchecked)
            place.parent.mkdir(parents=True, exist_ok=True)
            left.append(path.replace(place))
        return left


def metadata(config: ModelConfig, checksum: str) -> dict[str, str]:
    """What travels inside each file."""
    return {
        "model": config.name,
        "version": __version__,
        "sha256": checksum,
        "charset": config.charset,
        "blank": "0",
        "size_multiple_px": "32",
        "column_px": str(COLUMN_PX),
        "config": json.dumps(dataclasses.asdict(config)),
    }


def write_metadata(folder: Path, config: ModelConfig, checksum: str) -> None:
    """`metadata.json` beside files that cannot hold any."""
    text = json.dumps(metadata(config, checksum), indent=1)
    (folder / "metadata.json").write_text(text + "\n")
