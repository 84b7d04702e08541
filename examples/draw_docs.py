"""Draw the pictures of the documentation anew, with the model as it is: `python examples/draw_docs.py docs/images`.

The example pictures of the package with what was found on them, and, where playwright and a Chromium are installed, the page of
`gemma3-ocr view` with the receipt open and a doubtful word under the mouse.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from gemma3_jax import GemmaOCR
from gemma3_jax.commands.read import EXAMPLES

WIDEST = 1500  # px
QUALITY = 82
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def main(folder: Path) -> None:
    """Write NAME.jpg for each example, and view.jpg."""
    ocr = GemmaOCR.from_pretrained()
    for path in sorted(EXAMPLES.glob("*.jpg")):
        drawn = ocr.read(path).draw().convert("RGB")
        drawn.thumbnail((WIDEST, WIDEST))
        drawn.save(folder / path.name, quality=QUALITY, optimize=True)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if importlib.util.find_spec("playwright") is None or browser is None:
        print("view.jpg stays as it is: it needs the package playwright and a Chromium")
    else:
        view(folder / "view.jpg", browser)


def view(path: Path, browser: str) -> None:
    """A screenshot of the viewer, served by another process."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "gemma3_jax", "view", "--no-browser", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = server.stdout.readline().split()[0]
    with sync_playwright() as driver:
        arguments = ["--no-sandbox"]  # Chromium refuses its sandbox to root, and this page is ours
        page = driver.chromium.launch(executable_path=browser, args=arguments).new_page(
            viewport={"width": 1280, "height": 800}
        )
        page.goto(address)
        page.set_input_files("#file", EXAMPLES / "receipt.jpg")
        page.wait_for_selector("#boxes polygon", timeout=120_000)
        page.wait_for_selector("#sheet:not([hidden])")
        doubtful = page.locator("#boxes polygon.doubtful")
        (doubtful if doubtful.count() else page.locator("#boxes polygon")).first.hover()
        page.screenshot(path=path, type="jpeg", quality=QUALITY)
    server.send_signal(signal.SIGINT)
    server.wait(20)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
