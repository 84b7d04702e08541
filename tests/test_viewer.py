"""The viewer's HTTP side with an engine of known answers: what comes back, what is refused, and that reading blocks nobody."""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import io
import json
import re
import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from fake_engine import FakeEngine, picture
from PIL import Image
from small_pdf import small_pdf, text

from gemma3_jax import cli
from gemma3_jax.ocr import GemmaOCR
from gemma3_jax.page import Page
from gemma3_jax.reading import ReadOptions
from gemma3_jax.viewer import desk
from gemma3_jax.writers import page_xml
from gemma3_jax.writers.formats import FORMATS, encode

pytest.importorskip("starlette", reason="needs the extra [serve]")
pytest.importorskip("httpx2", reason="starlette's TestClient needs it; it is in the extra [test]")
web = importlib.import_module("starlette.testclient")
app = importlib.import_module("gemma3_jax.viewer.app")

BOXES = {0: (40, 30, 140, 60), 1: (160, 30, 240, 60)}
ADDRESS = "http://127.0.0.1"


def reader() -> GemmaOCR:
    return GemmaOCR(FakeEngine(["Open", "daily"]), ReadOptions(language="off"))


def png(boxes: dict = BOXES) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture(150, 260, boxes)).save(stream, "PNG")
    return stream.getvalue()


def fax() -> bytes:
    """Two pages: "Open", "daily"."""
    pages = [Image.fromarray(picture(150, 260, {k: BOXES[k]})) for k in (0, 1)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    return stream.getvalue()


@pytest.fixture
def client() -> Any:
    viewer = app.create_app(reader(), "fake", max_upload=2**20)
    return web.TestClient(viewer, base_url=ADDRESS)


def opened(client: Any, data: bytes, name: str) -> str:
    """The path of the file's first page."""
    answer = client.post("/documents", params={"name": name}, content=data)
    assert answer.status_code == 201, answer.text
    return f"/documents/{answer.json()['key']}/pages/0"


def test_the_page_is_served(client):
    for path, media_type in {"/": "html", "/viewer.css": "css", "/viewer.js": "javascript"}.items():
        answer = client.get(path)
        assert answer.status_code == 200 and media_type in answer.headers["content-type"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert client.get("/app.py").status_code == 404
    about = client.get("/about").json()
    assert about["model"] == "fake" and about["max_upload"] == 2**20
    assert [form["name"] for form in about["formats"]] == [*FORMATS, "drawing"]


def test_the_page_needs_nothing_from_elsewhere():
    for name in app.STATIC.values():
        content = (app.HERE / name).read_text("utf-8")
        assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]|@import|url\(", content, re.IGNORECASE)
    ids = re.findall(r'\$\("([a-z-]+)"\)', (app.HERE / "viewer.js").read_text("utf-8"))
    assert ids and all(
        f'id="{name}"' in (app.HERE / "index.html").read_text("utf-8") for name in ids
    )


def test_the_words_are_those_of_the_reader(client):
    path = opened(client, png(), "sign.png")
    expected = dataclasses.replace(reader().read(png()), source="sign.png")
    assert client.get(path).json() == json.loads(expected.to_json())
    shown = Image.open(io.BytesIO(client.get(path + "/picture").content))
    assert shown.format == "JPEG" and shown.size == (260, 150)


def test_a_large_picture_is_shown_smaller(client, monkeypatch):
    monkeypatch.setattr(desk, "SHOWN_PX", 130)
    path = opened(client, png(), "sign.png")
    assert Image.open(io.BytesIO(client.get(path + "/picture").content)).size == (130, 75)
    assert client.get(path).json()["width"] == 260


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_downloads(client, name, monkeypatch):
    # PAGE-XML says when it was made, to the second
    noon = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    clock = SimpleNamespace(now=lambda zone: noon)
    still = SimpleNamespace(UTC=datetime.UTC, datetime=clock)
    monkeypatch.setattr(page_xml, "datetime", still)
    if name == "pdf":
        pytest.importorskip("pypdf", reason="needs the extra [pdf]")
    path = opened(client, png(), "süß & sign.png")
    answer = client.get(f"{path}/files/{name}")
    form = FORMATS[name]
    assert answer.headers["content-type"].split(";")[0] == form.media_type
    disposition = answer.headers["content-disposition"]
    assert disposition == f"attachment; filename*=UTF-8''s%C3%BC%C3%9F%20%26%20sign{form.extension}"
    if form.join:
        assert answer.content.startswith(b"%PDF-")
    else:
        page = dataclasses.replace(reader().read(png()), source="süß & sign.png")
        assert answer.content == encode(form.write(page))


def test_the_drawing_downloads(client):
    answer = client.get(opened(client, png(), "sign.png") + "/files/drawing")
    assert answer.headers["content-type"] == "image/png"
    assert "sign.boxes.png" in answer.headers["content-disposition"]
    assert Image.open(io.BytesIO(answer.content)).format == "PNG"


def test_pages_are_read_one_by_one(client):
    pypdf = pytest.importorskip("pypdf", reason="needs the extra [pdf]")
    path = opened(client, fax(), "fax.tif")
    second = path[:-1] + "1"
    assert [client.get(p).json()["text"] for p in (path, second)] == ["Open", "daily"]
    assert client.get(second + "/files/text").text == "daily\n"
    assert "fax-2.txt" in client.get(second + "/files/text").headers["content-disposition"]
    whole = client.get(second + "/files/pdf")
    assert "''fax.pdf" in whole.headers["content-disposition"]
    sheets = pypdf.PdfReader(io.BytesIO(whole.content)).pages
    assert [sheet.extract_text().strip() for sheet in sheets] == ["Open", "daily"]


def test_a_pdf_is_opened(client):
    pytest.importorskip("pypdfium2", reason="needs the extra [pdf]")
    data = small_pdf(text("one", 50, 100), text("two", 50, 100))
    answer = client.post("/documents", params={"name": "two.pdf"}, content=data).json()
    assert answer["pages"] == 2
    assert client.get(f"/documents/{answer['key']}/pages/1").json()["source"] == "two.pdf[2]"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "x.png: empty (0 bytes)"),
        (b"hello", "x.png: not an image, or damaged in its first bytes"),
        (png()[:-60], "x.png: truncated"),
    ],
)
def test_a_bad_picture_is_one_line(client, data, complaint):
    answer = client.post("/documents", params={"name": "x.png"}, content=data)
    if answer.status_code == 201:  # its header is fine: the pixels tell
        path = f"/documents/{answer.json()['key']}/pages/0"
        assert client.get(path + "/picture").status_code == 422
        answer = client.get(path)
    assert answer.status_code == 422
    line = answer.json()["error"]
    assert line.startswith(complaint) and "\n" not in line


def test_too_large_files_are_refused(client):
    line = "the file is larger than 1 MiB, which is the limit here"
    parts = (bytes(2**18) for _ in range(8))  # chunked: nothing says the length beforehand
    for body in (bytes(2**20 + 1), parts):
        answer = client.post("/documents", content=body)
        assert (answer.status_code, answer.json()) == (413, {"error": line})
    assert client.post("/documents", content=bytes(2**20)).status_code == 422


def test_what_is_not_there(client, monkeypatch):
    monkeypatch.setattr(desk, "KEPT", 2)
    paths = [opened(client, png(), f"{k}.png") for k in range(3)]
    assert [client.get(path).status_code for path in paths] == [404, 200, 200]
    assert "open it again" in client.get(paths[0]).json()["error"]
    assert "there is no page 8" in client.get(paths[2][:-1] + "7").json()["error"]
    answer = client.get(paths[2] + "/files/docx")
    assert answer.status_code == 404 and "docx is not one of text," in answer.json()["error"]


def test_other_sites_are_turned_away(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    post = {"url": "/documents", "params": {"name": "a.png"}, "content": png()}
    assert client.post(**post, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post(**post, headers={"origin": ADDRESS}).status_code == 201


def test_the_page_answers_while_a_picture_is_read():
    """With the reading on the event loop nothing could be served before `go` is set, and nobody else sets it."""
    started, go = threading.Event(), threading.Event()

    class Slow(GemmaOCR):
        def read_batch(self, *arguments, **options) -> list[Page]:
            started.set()
            assert go.wait(10), "nothing was served while reading"
            return super().read_batch(*arguments, **options)

    slow = Slow(FakeEngine(["Open"]), ReadOptions(language="off"))
    with web.TestClient(app.create_app(slow), base_url=ADDRESS) as client:  # one event loop for all
        path, texts = opened(client, png(), "sign.png"), []
        reading = threading.Thread(target=lambda: texts.append(client.get(path).json()["text"]))
        reading.start()
        assert started.wait(10)
        assert client.get("/about").status_code == 200 and not texts
        go.set()
        reading.join()
    assert texts == ["Open"]


def test_the_command_serves_this_machine_and_opens_the_browser(capsys, monkeypatch):
    uvicorn = pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    bound, visited = [], []

    def run(server: Any, sockets: list[socket.socket]) -> None:
        bound.extend(listener.getsockname() for listener in sockets)
        raise KeyboardInterrupt

    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.setattr("webbrowser.open", visited.append)
    monkeypatch.setattr(GemmaOCR, "from_pretrained", lambda *model, **options: reader())
    assert cli.main(["view", "--port", "0"]) == 0
    assert cli.main(["view", "--port", "0", "--host", "0.0.0.0", "--no-browser"]) == 0
    assert [host for host, _ in bound] == ["127.0.0.1", "0.0.0.0"]
    assert visited == [f"http://127.0.0.1:{bound[0][1]}"]
    out, err = capsys.readouterr()
    assert out.startswith(f"{visited[0]} (stop with Ctrl-C)\n")
    assert err.count("\n") == 1 and "whoever reaches 0.0.0.0" in err


def test_the_command_line(capsys, monkeypatch):
    assert cli.main(["view", "--port", "70000"]) == 2
    assert cli.main(["view", "--max-upload", "0"]) == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["view", "--port", port, "--no-browser"]) == 1
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["view"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and "already in use" in lines[2]
    assert lines[3] == (
        'gemma3-ocr: view needs the package starlette: pip install "gemma3_jax[serve]"'
    )
