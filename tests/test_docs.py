"""The documentation is whole: linked pages, pictures and headings exist, and every option is told."""

from __future__ import annotations

import dataclasses
import importlib
import re
import tomllib
import typing
from pathlib import Path

import pytest
import yaml  # comes with flax

from gemma3_jax.commands.arguments import Command
from gemma3_jax.commands.arguments_read import Read

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", *DOCS.glob("*.md"), *ROOT.glob("gemma3_jax/pretrained/*/README.md")]
)
CODE = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def nav_files(entry: object) -> list[str]:
    """The files of a nav of mkdocs.yml, at whatever depth."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [name for part in parts for name in nav_files(part)]  # type: ignore[union-attr]


def anchors(path: Path) -> set[str]:
    """The fragments that a page's headings have, as GitHub and mkdocs make them of plain headings."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, fragment = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        if fragment:
            assert fragment in anchors(linked), f"{page.name} links to {target}"


def test_the_site_has_every_page_and_no_other() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    listed = nav_files(site["nav"])
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md")), (
        "see nav in mkdocs.yml"
    )


def test_what_the_site_takes_from_the_code_is_there() -> None:
    """`::: a.b.C` becomes the documentation of C."""
    wanted = [
        name
        for page in DOCS.glob("*.md")
        for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)
    ]
    assert len(wanted) > 5
    for name in wanted:
        module, _, last = name.rpartition(".")
        found = getattr(importlib.import_module(module), last, None)
        assert (found or importlib.import_module(name)).__doc__, name


def test_every_option_of_read_is_told_and_no_other() -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    table = text[text.index("| option |") :]
    told = {name.replace("-", "_") for name in re.findall(r"`--([a-z-]+)", table)}
    known = {field.name for field in dataclasses.fields(Read)} - {"images"}
    assert told == known


def test_every_extra_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    readme = (ROOT / "README.md").read_text("utf-8")
    told = re.findall(r"\[([a-z0-9]+)\]", readme[readme.index("- Extras:") :].split(".")[0])
    assert told and set(told) == set(project["optional-dependencies"])


def test_every_command_is_told() -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    table = text[text.index("| command |") : text.index("## `read`")]
    rows = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    told = {name for row in rows for name in re.findall(r"`([a-z]+)", row)}
    kinds = [typing.get_args(annotated)[0] for annotated in typing.get_args(Command)]
    assert told == {kind.__name__.lower() for kind in kinds}
