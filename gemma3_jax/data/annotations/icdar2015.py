"""ICDAR 2015 text files: `gt_NAME.txt` beside `NAME.jpg`, a line `x1,y1,x2,y2,x3,y3,x4,y4,text` per word.

The files begin with a byte-order mark, the text may hold commas, and `###` is do not care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gemma3_jax.data.annotations.errors import blaming
from gemma3_jax.data.annotations.folder import Folder
from gemma3_jax.data.annotations.lines import PREFIX, annotation_files, any_begins_with
from gemma3_jax.data.annotations.words import word
from gemma3_jax.data.annotations.writing import bring_pictures, number, one_line
from gemma3_jax.data.corpora import DO_NOT_CARE, Annotation, Sample, parse_quad_line

LAYOUT = ".txt files of `x1,y1,...,x4,y4,text` (ICDAR 2015)"


def matches(folder: Folder) -> bool:
    """Whether a .txt file begins with eight numbers and a text."""
    return any_begins_with(folder, parse_quad_line)


def read(folder: Folder) -> Iterator[Sample]:
    """The picture of each .txt file, in the files' order."""
    return folder.collect(
        annotation_files(folder, parse_quad_line), lambda path: _sample(folder, path)
    )


def _sample(folder: Folder, path: Path) -> Sample:
    picture = folder.pictures.find_stem(path.stem.removeprefix(PREFIX), path)
    return Sample(picture, [_word(line, where) for where, line in folder.lines(path)])


def _word(line: str, where: str) -> Annotation:
    with blaming(where):
        return word(*parse_quad_line(line, "ICDAR 2015"))


def write(samples: Iterable[Sample], folder: Path) -> None:
    """Write pictures and their gt_ files side by side into `folder`; of do-not-care words the text is not kept.

    Raises:
        ValueError: a text with a line break in it.
    """
    for sample, _ in bring_pictures(samples, folder):
        path = sample.image_path
        lines = []
        for annotation in sample.words:
            text = DO_NOT_CARE if annotation.ignore else one_line(annotation.text, path)
            lines.append(",".join([*map(number, annotation.quad.reshape(-1)), text]) + "\r\n")
        target = path.with_name(f"{PREFIX}{path.stem}.txt")
        target.write_text("".join(lines), encoding="utf-8-sig", newline="")
