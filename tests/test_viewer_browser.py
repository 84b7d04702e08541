"""The viewer's page as a person uses it, in a headless Chromium: drop, look, hover, keys, copy, download."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import importlib
import io
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fake_engine import FakeEngine, picture
from PIL import Image

from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Alternative, Page
from gemma3_jax.reading import ReadOptions
from gemma3_jax.writers.formats import FORMATS

pytest.importorskip("starlette", reason="needs the extra [serve]")
uvicorn = pytest.importorskip("uvicorn", reason="needs the extra [serve]")
playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
app = importlib.import_module("gemma3_jax.viewer.app")

TEXTS = ["Open", "daily", "8:30-18:00"]
BOXES = {0: (40, 30, 140, 60), 1: (160, 30, 240, 60), 2: (40, 75, 200, 105)}
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
DROP = """([data, name]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name));
    document.querySelector("#stage").dispatchEvent(
        new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


class Correcting(GemmaOCR):
    """Reads as its engine does, and says of the first word that a language model changed it, and what else it may be."""

    def read_batch(self, *arguments: Any, **options: Any) -> list[Page]:
        (page,) = super().read_batch(*arguments, **options)
        if page.error:
            return [page]
        first, *rest = page.lines
        others = Alternative("0pen", 0.031), Alternative("<b>pen", 0.0204)
        corrected = {"raw": "0pen", "reason": "language +3.0 nats", "alternatives": others}
        word = dataclasses.replace(first.words[0], **corrected)
        first = dataclasses.replace(first, words=(word, *first.words[1:]))
        return [dataclasses.replace(page, lines=(first, *rest))]


def reader() -> Correcting:
    return Correcting(FakeEngine(TEXTS), ReadOptions(language="off"))


def encoded(kind: str, *boxes: dict) -> bytes:
    first, *others = [Image.fromarray(picture(150, 260, own)) for own in boxes]
    stream = io.BytesIO()
    first.save(stream, kind, **({"save_all": True, "append_images": others} if others else {}))
    return stream.getvalue()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        viewer = app.create_app(reader(), "fake", max_upload=2**20)
        server = uvicorn.Server(uvicorn.Config(viewer, log_level="warning"))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        running.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        running.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        driver = stack.enter_context(playwright.sync_playwright())
        own = driver.chromium.executable_path
        found = own if os.path.exists(own) else next(filter(None, map(shutil.which, BROWSERS)), "")
        if not found:
            pytest.skip(f"no Chromium: playwright has none, PATH has none of {', '.join(BROWSERS)}")
        root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium refuses its sandbox to root
        arguments = ["--no-sandbox"] if root else []
        yield driver.chromium.launch(executable_path=found, args=arguments)


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Any]:
    """The page, open; the test fails when it asked for anything elsewhere or a script failed."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    asked, failures = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: failures.append(str(error)))
    tab.goto(address)
    yield tab
    context.close()
    assert not failures and all(url.startswith((address, "data:")) for url in asked), (
        failures,
        asked,
    )


def drop(tab: Any, data: bytes, name: str) -> None:
    tab.evaluate(DROP, [base64.b64encode(data).decode(), name])


def clipboard(tab: Any) -> str:
    return tab.evaluate("navigator.clipboard.readText()")


@pytest.fixture
def sign(tab: Any) -> Any:
    """The page with a picture of three words on it."""
    drop(tab, encoded("PNG", BOXES), "sign.png")
    tab.wait_for_selector("#boxes polygon:nth-child(3)")
    tab.wait_for_selector("#sheet:not([hidden])")
    return tab


def test_boxes_lie_over_their_words(sign):
    sheet = sign.locator("#picture").bounding_box()
    assert sheet["width"] / sheet["height"] == pytest.approx(260 / 150, rel=0.01)
    scale = sheet["width"] / 260
    for polygon, corners in zip(sign.locator("#boxes polygon").all(), BOXES.values(), strict=True):
        box = polygon.bounding_box()
        left, top = box["x"] - sheet["x"], box["y"] - sheet["y"]
        sides = [left, top, left + box["width"], top + box["height"]]
        assert sides == pytest.approx([side * scale for side in corners], abs=3 * scale)
    assert sign.locator("#text").evaluate("e => e.textContent") == "Open daily\n8:30-18:00"


def test_hovering_tells_about_a_word(sign):
    page = reader().read_batch([encoded("PNG", BOXES)])[0]
    tip = sign.locator("#tip")
    assert tip.is_hidden()
    sign.locator("#boxes polygon").nth(0).hover()
    first = tip.inner_text()
    assert all(part in first for part in ("Open", "“0pen”", "language +3.0 nats")), first
    others = sign.locator("#tip-others li").all_inner_texts()
    assert [one.split() for one in others] == [["0pen", "3.1", "%"], ["<b>pen", "2.0", "%"]]
    sign.locator("#text .word").nth(1).hover()
    text, sure = tip.inner_text().split("\n")[0], tip.inner_text().split(" % confident")[0]
    assert text == "daily"
    # rounded twice on its way here, to four digits and then to three
    assert float(sure.split()[-1]) == pytest.approx(100 * page.words[1].confidence, abs=0.06)
    assert "0pen" not in tip.inner_text() and sign.locator("#tip-others").is_hidden()
    sign.mouse.move(2, 2)
    assert tip.is_hidden()


def test_the_keys_go_from_word_to_word(sign):
    sign.locator("#text").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        sign.keyboard.press(key)
    assert sign.locator("#tip-text").inner_text() == "daily"
    assert sign.locator("#boxes polygon.current").count() == 1
    assert sign.locator("#spoken").inner_text().startswith("daily")
    sign.keyboard.press("ArrowLeft")
    assert "0pen 3.1 %" in sign.locator("#spoken").inner_text()
    sign.keyboard.press("ArrowRight")
    sign.keyboard.press("Escape")
    assert sign.locator("#tip").is_hidden()


def test_text_is_copied(sign):
    sign.click("#copy")
    playwright.expect(sign.locator("#status")).to_have_text("Copied.")
    assert clipboard(sign) == "Open daily\n8:30-18:00"
    boxes = [sign.locator("#boxes polygon").nth(k).bounding_box() for k in (1, 2)]
    sign.mouse.move(boxes[0]["x"] + boxes[0]["width"] + 5, boxes[0]["y"] - 5)
    sign.mouse.down()
    left = boxes[1]["x"] + 0.4 * boxes[1]["width"]  # right of the middle of "Open"
    sign.mouse.move(left, boxes[1]["y"] + boxes[1]["height"] + 5, steps=3)
    sign.mouse.up()
    assert sign.locator("#copy").inner_text() == "Copy 2 words"
    sign.keyboard.press("Control+c")
    assert clipboard(sign) == "daily\n8:30-18:00"
    sign.locator("#text .word").nth(0).dblclick()  # the browser's own selection goes before
    sign.keyboard.press("Control+c")
    assert clipboard(sign).strip() == "Open"


def test_every_format_is_offered(sign):
    links = sign.locator("#downloads a")
    assert links.all_inner_texts() == [*FORMATS, "drawing"]
    with sign.expect_download() as download:
        links.nth(list(FORMATS).index("json")).click()
    assert download.value.suggested_filename == "sign.json"
    page = Page.from_json(download.value.path().read_text("utf-8"))
    assert (page.words[0].text, page.words[0].raw) == ("Open", "0pen")


def test_pages_are_turned(tab):
    drop(tab, encoded("TIFF", {0: BOXES[0]}, {1: BOXES[1]}), "fax.tif")
    tab.wait_for_selector("#text .word")
    assert tab.locator("#which").inner_text() == "1 / 2" and tab.locator("#previous").is_disabled()
    tab.click("#next")
    playwright.expect(tab.locator("#text")).to_have_text("daily")
    assert tab.locator("#which").inner_text() == "2 / 2" and tab.locator("#next").is_disabled()


def test_what_goes_wrong_is_one_line(sign):
    alert = sign.locator("#alert")
    drop(sign, b"hello", "<b>x</b>.png")
    alert.wait_for()
    assert alert.inner_text() == "<b>x</b>.png: not an image, or damaged in its first bytes"
    drop(sign, bytes(2**20 + 1), "long.png")
    playwright.expect(alert).to_contain_text("long.png: larger than 1 MiB")
    assert sign.locator("#boxes polygon").count() == 3  # what was there stays
