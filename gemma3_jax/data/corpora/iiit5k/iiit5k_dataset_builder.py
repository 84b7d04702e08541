"""IIIT 5K-Word."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from typing import Any, ClassVar

from gemma3_jax.data.corpora.builder import (
    CorpusBuilder,
    Counts,
    Example,
    Half,
    Lexicons,
    Task,
    picture,
)
from gemma3_jax.data.corpora.published import Archive, Published


class Builder(CorpusBuilder):
    """IIIT 5K-Word: word crops from the web, with lexicons of 50 and 1000 words each.

    Texts come from trainCharBound.mat and testCharBound.mat, which keep the case; traindata.mat
    and testdata.mat, meant for case-insensitive scores, give the lexicons.
    """

    URL = "http://cvit.iiit.ac.in/projects/SceneTextUnderstanding/IIIT5K.html"
    TERMS = "free download; no licence stated"
    CITATION = "Mishra, Alahari, Jawahar, Scene Text Recognition using Higher Order..., BMVC 2012"
    COUNTS: ClassVar[Counts] = {"words": {"train": 2000, "test": 3000}}
    LEXICONS: ClassVar[Lexicons] = {"words": ("lexicon", "lexicon/medium")}

    def examples(self, task: Task, half: Half, files: Published) -> Iterable[Example]:
        holds = f"{half}/ with {self.COUNTS[task][half]} crops, {half}data.mat, {half}CharBound.mat"
        archive = files.archive(["IIIT5K-Word_V3.0.tar.gz", "IIIT5K"], holds)
        texts = {
            row["ImgName"]: row["chars"] for row in _structs(archive, f"{half}CharBound", "chars")
        }
        rows = _structs(archive, f"{half}data", "smallLexi", "mediumLexi")
        if missing := [row["ImgName"] for row in rows if row["ImgName"] not in texts]:
            raise ValueError(f"{archive.path}: {half}CharBound.mat has no {missing[0]}")
        return [
            picture(
                archive,
                row["ImgName"],
                text=str(texts[row["ImgName"]]),
                lexicon=[str(word) for word in row["smallLexi"]],
                **{"lexicon/medium": [str(word) for word in row["mediumLexi"]]},
            )
            for row in rows
        ]


def _structs(archive: Archive, name: str, *fields: str) -> list[dict[str, Any]]:
    """The MATLAB struct array `name` of `name`.mat. SciPy reads it: JAX needs SciPy anyway."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    where, data = f"{archive.path}: {name}.mat", archive.read(f"{name}.mat")
    try:
        structs = loadmat(io.BytesIO(data), simplify_cells=True)[name]
    except (MatReadError, ValueError, TypeError, KeyError, OSError, zlib.error) as error:
        raise ValueError(
            f"{where} holds no MATLAB struct array {name} ({error!r}): "
            f"get it again from {archive.url}"
        ) from error
    rows = [structs] if isinstance(structs, dict) else list(structs)
    for row in rows:
        if lacking := [field for field in ("ImgName", *fields) if field not in row]:
            raise ValueError(f"{where} has no field {lacking[0]}, found {sorted(row)}")
    return rows
