"""Is a page read in the right order? Perfect words are shuffled and put in order again, so that only the order is measured.

    python -m benchmarks.reading_order --data ../shared/data
    python -m benchmarks.reading_order --data None          # drawn pages only

CER is that of the whole text against the text in its true order; "kept" is the share of words that are followed by the word
that truly follows them. Baselines: rows from the top, each left to right; and recursive XY-cut (Nagy and Seth 1984) at the
widest white stretch of either direction. Both see the boxes of the page turned upright by its words' mean direction.

Truth: drawn pages are written in their order. SROIE lists the lines of a receipt from the top on some, and column by column on
others (all articles, then all prices), so those that never go back up are also measured alone. FUNSD lists its entities in no
order at all, so only what follows what is counted: words within an entity, and the answer after its question where it has one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro

from benchmarks.reading_order_pages import KINDS, Page, turned
from gemma3_jax.data.corpora import funsd_pages, rectangle, sroie_receipts
from gemma3_jax.decoding.order import reading_order
from gemma3_jax.metrics.documents import error_rates

Pairs = list[tuple[int, int]]  # (word, the word that follows it)


class Case(NamedTuple):
    """A page and which words follow which; `ordered`: its words are in reading order as a whole."""

    page: Page
    pairs: Pairs
    ordered: bool = True


def ours(page: Page) -> list[int]:
    """`gemma3_jax.decoding.order`."""
    blocks = reading_order(page.quads, page.texts)
    return [i for block in blocks for line in block for i in line]


def upright_boxes(page: Page) -> np.ndarray:
    """Boxes [n, 4] (left, top, right, bottom) of the page without its skew."""
    along = (page.quads[:, 1] - page.quads[:, 0]).sum(axis=0)
    quads = turned(page.quads, -np.arctan2(along[1], along[0]))
    return np.concatenate([quads.min(1), quads.max(1)], axis=1)


def rows(page: Page) -> list[int]:
    """Rows from the top: a row takes all words whose middle is within half a text height of its first word's."""
    low, high = np.split(upright_boxes(page), 2, axis=1)
    middle, reach = (low[:, 1] + high[:, 1]) / 2, np.median(high[:, 1] - low[:, 1]) / 2
    order, row = [], []
    for i in np.argsort(middle, kind="stable").tolist():
        if row and middle[i] - middle[row[0]] > reach:
            order += sorted(row, key=lambda k: low[k, 0])
            row = []
        row.append(i)
    return order + sorted(row, key=lambda k: low[k, 0])


def xy_cut(page: Page) -> list[int]:
    """Recursive XY-cut down to single words."""
    boxes = upright_boxes(page)
    return _cut(boxes, np.arange(len(boxes)))


def _cut(boxes: np.ndarray, members: np.ndarray) -> list[int]:
    cuts = []
    for axis in (0, 1):
        by_start = members[np.argsort(boxes[members, axis], kind="stable")]
        reach = np.maximum.accumulate(boxes[by_start, axis + 2])
        gaps = boxes[by_start[1:], axis] - reach[:-1]
        if len(gaps):
            cuts.append((gaps.max(), by_start, int(gaps.argmax()) + 1))
    widest, by_start, at = max(cuts, key=lambda cut: cut[0], default=(0.0, members, 0))
    if widest <= 0:  # words that overlap both ways, or one word
        return members[np.argsort(boxes[members, 1], kind="stable")].tolist()
    return _cut(boxes, by_start[:at]) + _cut(boxes, by_start[at:])


READERS: dict[str, Callable[[Page], list[int]]] = {"rows": rows, "XY-cut": xy_cut, "ours": ours}


def drawn(kind: str, count: int, seed: int = 0) -> list[Case]:
    """`count` pages of a kind, for one seed always the same ones."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    return [_in_order(KINDS[kind](rng)) for _ in range(count)]


def _in_order(page: Page) -> Case:
    return Case(page, [(i, i + 1) for i in range(len(page.texts) - 1)])


def receipts(data: Path) -> list[Case]:
    """The lines of sroie-val in the order of their files."""
    samples = sroie_receipts(data, "val")
    pages = [Page(np.array([w.quad for w in s.words]), [w.text for w in s.words]) for s in samples]
    return [_in_order(page) for page in pages]


def from_the_top(case: Case) -> bool:
    """Whether the list of words never goes back up by more than a line."""
    middle = case.page.quads[..., 1].mean(axis=1)
    height = np.median(np.ptp(case.page.quads[..., 1], axis=1))
    return bool((np.diff(middle) > -height).all())


def forms(data: Path, answers: bool) -> list[Case]:
    """funsd-val: the neighbours within entities, or the last word of a question and the first of its only answer."""
    cases = []
    for sample in funsd_pages(data, "val"):
        path = sample.image_path.parents[1] / "annotations" / f"{sample.image_path.stem}.json"
        entities = json.loads(path.read_text(encoding="utf-8"))["form"]
        quads, texts, members = [], [], {}
        for entity in entities:
            words = [word for word in entity["words"] if word["text"].strip()]
            members[entity["id"]] = range(len(texts), len(texts) + len(words))
            quads += [rectangle(*word["box"]) for word in words]
            texts += [word["text"].strip() for word in words]
        pairs = [(i, i + 1) for some in members.values() for i in some[:-1]]
        pairs = _answers(entities, members) if answers else pairs
        cases.append(Case(Page(np.array(quads), texts), pairs, ordered=False))
    return cases


def _answers(entities: list[dict], members: dict[int, range]) -> Pairs:
    label = {entity["id"]: entity["label"] for entity in entities}
    pairs = []
    for entity in entities:
        links = [other for link in entity["linking"] for other in link if other != entity["id"]]
        found = {k for k in links if label[k] == "answer" and members[k]}
        if label[entity["id"]] == "question" and members[entity["id"]] and len(found) == 1:
            pairs.append((members[entity["id"]][-1], members[found.pop()][0]))
    return pairs


def measure(cases: Iterable[Case], reader: Callable[[Page], list[int]]) -> tuple[float, float]:
    """(CER, nan where pages have no order; share of the pairs kept) over all pages together."""
    texts, kept, total = [], 0, 0
    for number, case in enumerate(cases):
        page = case.page
        mixed = np.random.default_rng(number).permutation(len(page.texts))
        order = mixed[reader(Page(page.quads[mixed], [page.texts[i] for i in mixed]))].tolist()
        following = dict(pairwise(order))
        kept += sum(following.get(i) == j for i, j in case.pairs)
        total += len(case.pairs)
        if case.ordered:
            texts.append((page.texts, [page.texts[i] for i in order]))
    return (error_rates(texts).cer if texts else float("nan")), kept / total


def main(data: Path | None = Path("../shared/data"), pages: int = 20, seed: int = 0) -> None:
    """Print CER and pairs kept, in percent, per kind of page and reader; `pages` of each kind are drawn."""
    sets = {kind: drawn(kind, pages, seed) for kind in KINDS}
    if data is not None:
        sets["sroie-val"] = receipts(data)
        listed = [case for case in sets["sroie-val"] if from_the_top(case)]
        sets[f"sroie-val, {len(listed)} from the top"] = listed
        sets["funsd-val entities"] = forms(data, answers=False)
        sets["funsd-val answers"] = forms(data, answers=True)
    print(f"{'CER / pairs kept, %':28}" + "".join(f"{name:>16}" for name in READERS))
    for name, cases in sets.items():
        cells = []
        for reader in READERS.values():
            cer, kept = measure(cases, reader)
            cells.append(f"{'-' if np.isnan(cer) else f'{100 * cer:.1f}'} / {100 * kept:5.1f}")
        print(f"{name:28}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    tyro.cli(main)
