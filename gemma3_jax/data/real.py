"""Real word pictures, packed once into two arrays so that a trainer can draw a batch by indexing.

`python -m gemma3_jax.data.real --data ../shared/data --out .cache/gemma3_jax/words_train.npz` reads
the training parts of the public sets and writes one compressed file (about 30 k words, 350 MB in
memory); `--split val` writes the validation words.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from gemma3_jax.charset import Charset
from gemma3_jax.config import CANVAS_HEIGHT, CANVAS_WIDTH, COLUMN_PX
from gemma3_jax.data.corpora import WORD_SETS, Sample, Split, funsd_pages, sroie_receipts
from gemma3_jax.data.pipeline.texts import MAX_LABEL, TextRule
from gemma3_jax.data.word_pack import WordPack, join_packs, save_pack
from gemma3_jax.data.word_pack import load_pack as load_pack
from gemma3_jax.imaging.load import load_image
from gemma3_jax.imaging.resize import resize

FUNSD_SAME_TEXT = 40  # a form says "of" 256 times: more copies teach nothing
SROIE_LINES = 3000
MIN_PX_PER_CHAR = 3.0  # fewer: vertical text or an annotator's slip, not a word to learn from

Picture = Path | np.ndarray


def fit_canvas(image: np.ndarray, height: int, width: int) -> tuple[np.ndarray, int]:
    """Place a crop [h, w, 3] uint8 on a canvas [height, width, 3]; returns it and its used width.

    The aspect is kept and the last column repeated to the right; a crop too long is squeezed. This
    is how `GemmaOCR.recognize` places a crop, so that training sees what reading will see.
    """
    h, w = image.shape[:2]
    used = min(width, max(2 * COLUMN_PX, round(w * height / h)))
    strip = resize(image, height, used)
    return np.pad(strip, ((0, 0), (0, width - used), (0, 0)), mode="edge"), used


def pack_words(
    samples: Iterable[tuple[Picture, str]],
    charset: Charset,
    height: int = CANVAS_HEIGHT,
    width: int = CANVAS_WIDTH,
    max_label: int = MAX_LABEL,
    name: str = "words",
    min_px_per_char: float = 0.0,
) -> WordPack:
    """Pack (picture, text) pairs as one corpus called `name`.

    Words that `TextRule` does not learn (empty, outside the charset, longer than `max_label`) or
    with fewer than `min_px_per_char` canvas pixels per character are left out and counted in
    `dropped`.
    """
    rule = TextRule(charset, max_label)
    dropped: collections.Counter[str] = collections.Counter()
    images: list[np.ndarray] = []
    widths: list[int] = []
    labels: list[list[int]] = []
    for picture, text in samples:
        fitted, verdict = rule.judge(text)
        if not fitted:
            dropped[verdict] += 1
            continue
        canvas, used = fit_canvas(load_image(picture), height, width)
        if used < min_px_per_char * len(fitted):
            dropped["narrow"] += 1
            continue
        images.append(canvas)
        widths.append(used)
        labels.extend(charset.pad([fitted], max_label))
    m = len(images)
    return WordPack(
        images=np.asarray(images, np.uint8).reshape(m, height, width, 3),
        widths=np.asarray(widths, np.int32),
        labels=np.asarray(labels, np.int32).reshape(m, max_label),
        corpus=np.zeros(m, np.int8),
        names=(name,),
        dropped=dict(dropped),
    )


def page_crops(
    pages: Sequence[Sample],
    seed: int,
    same_text: int | None = None,
    limit: int | None = None,
    keep: Callable[[str], bool] = bool,
) -> Iterator[tuple[np.ndarray, str]]:
    """Upright crops of the boxes of pages, 0 to 4 px wider on each side at random (`seed`).

    `same_text` caps the copies of one text, `limit` the crops altogether; both keep a random choice
    of the texts that `keep` accepts (default: all that are not empty).
    """
    rng = np.random.default_rng(seed)
    texts = [(i, j) for i, page in enumerate(pages) for j in range(len(page.words))]
    count: collections.Counter[str] = collections.Counter()
    chosen: list[tuple[int, int]] = []
    for i, j in rng.permutation(np.asarray(texts, np.int64).reshape(-1, 2)).tolist():
        text = pages[i].words[j].text
        count[text] += 1
        if keep(text) and (same_text is None or count[text] <= same_text):
            chosen.append((i, j))
    page = np.zeros((0, 0, 3), np.uint8)
    opened = -1
    for i, j in sorted(chosen[:limit]):
        if i != opened:
            page, opened = load_image(pages[i].image_path), i
        crop = _crop(page, pages[i].words[j].quad, rng.integers(0, 5, 4))
        if min(crop.shape[:2]) >= 4:
            yield crop, pages[i].words[j].text


def build_real_pack(
    data_dir: str | Path, out: str | Path, split: Split = "train", quality: int | None = None
) -> WordPack:
    """Pack the real words of one split, save them at `out` and return them.

    Train: the four word sets, FUNSD's words and SROIE's short lines without letters. Val: the four
    word sets, nothing left out for its shape.
    """
    charset = Charset()
    narrow = MIN_PX_PER_CHAR if split == "train" else 0.0
    suffix = "" if split == "train" else "-val"
    packs = [
        pack_words(read(data_dir, split), charset, name=name + suffix, min_px_per_char=narrow)
        for name, read in WORD_SETS.items()
    ]
    if split == "train":
        forms = page_crops(funsd_pages(data_dir, split), 0, FUNSD_SAME_TEXT)
        lines = sroie_receipts(data_dir, split)
        receipts = page_crops(lines, 0, limit=SROIE_LINES, keep=_caseless_and_short)
        packs.append(pack_words(forms, charset, name="funsd", min_px_per_char=narrow))
        packs.append(pack_words(receipts, charset, name="sroie", min_px_per_char=narrow))
    pack = join_packs(packs)
    save_pack(pack, out, quality)
    return pack


def main(
    data: Path,
    out: Path,
    split: Literal["train", "val"] = "train",
    quality: int | None = None,
) -> None:
    """Build a pack of real words from the public sets and say what is in it.

    Args:
        data: folder of the public sets, see shared/DATA.md.
        out: the file to write.
        split: which part of the sets.
        quality: WebP quality of the pictures; without it they are kept exactly, at several times the size.
    """
    pack = build_real_pack(data, out, split, quality)
    counts = np.bincount(pack.corpus, minlength=len(pack.names))
    print(", ".join(f"{name} {count}" for name, count in zip(pack.names, counts, strict=True)))
    print(f"left out: {pack.dropped or 'nothing'}; {len(pack)} words in {out}")


def _caseless_and_short(text: str) -> bool:
    # SROIE upper-cases what the receipt shows: only lines without letters are true to the picture
    return text.upper() == text.lower() and 0 < len(text) <= MAX_LABEL


def _crop(page: np.ndarray, quad: np.ndarray, margins: np.ndarray) -> np.ndarray:
    height, width = page.shape[:2]
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    x0, x1 = max(0, int(left) - margins[0]), min(width, int(np.ceil(right)) + margins[1])
    y0, y1 = max(0, int(top) - margins[2]), min(height, int(np.ceil(bottom)) + margins[3])
    return page[y0:y1, x0:x1]


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
