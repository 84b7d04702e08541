"""The viewer over HTTP: a file goes up, its pages come back as pictures, as words and in every format.

`GET /` the page, `GET /about` what it needs to know, `POST /documents?name=` with the file as its body,
`GET /documents/KEY/pages/N` the page's JSON (N from 0), `.../picture` its picture, `.../files/FORMAT` a download. Whatever
goes wrong is `{"error": one line}`. Nothing that works on pictures runs on the event loop: it goes to a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from gemma3_jax.imaging.load import ImageError
from gemma3_jax.viewer.desk import DOWNLOADS, Desk, NotHere, Reader

HERE = Path(__file__).parent
STATIC = {"/": "index.html", "/viewer.css": "viewer.css", "/viewer.js": "viewer.js"}
LOCAL = ("127.0.0.1", "localhost")
MEBIBYTE = 2**20
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
STATUS = {ImageError: 422, NotHere: 404, ModuleNotFoundError: 501}
T = TypeVar("T")


def create_app(
    reader: Reader, model: str = "", max_upload: int = 64 * MEBIBYTE, hosts: Sequence[str] = LOCAL
) -> Starlette:
    """The viewer as an ASGI application that reads with `reader`.

    `max_upload` bounds a file, in bytes. `hosts` are the names it answers to (without port; "*" is any): a web site that
    points its own name at this machine is turned away.
    """
    viewer = _Viewer(Desk(reader), model, max_upload)
    page = "/documents/{key}/pages/{number:int}"
    return Starlette(
        routes=[
            *(Route(path, _static(name)) for path, name in STATIC.items()),
            Route("/about", viewer.about),
            Route("/documents", viewer.open, methods=["POST"]),
            Route(page, viewer.page),
            Route(page + "/picture", viewer.picture),
            Route(page + "/files/{form}", viewer.file),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={HTTPException: _complain, **dict.fromkeys(STATUS, _complain)},
    )


class _Viewer:
    def __init__(self, desk: Desk, model: str, max_upload: int) -> None:
        self.desk, self.model, self.max_upload = desk, model, max_upload
        self.one = CapacityLimiter(1)

    async def about(self, request: Request) -> Response:
        formats = [
            {"name": name, "extension": form.extension, "whole": form.join is not None}
            for name, form in DOWNLOADS.items()
        ]
        about = {"model": self.model, "max_upload": self.max_upload, "formats": formats}
        return JSONResponse(about, headers=HEADERS)

    async def open(self, request: Request) -> Response:
        _refuse_other_sites(request)
        data = await body_within(request, self.max_upload)
        name = request.query_params.get("name") or "picture"
        key, pages = await self._work(self.desk.open, data, name)
        return JSONResponse({"key": key, "name": name, "pages": pages}, 201, HEADERS)

    async def page(self, request: Request) -> Response:
        page = await self._work(self.desk.page, *_place(request))
        return Response(page.to_json(), media_type="application/json", headers=HEADERS)

    async def picture(self, request: Request) -> Response:
        data = await self._work(self.desk.picture, *_place(request))
        return Response(data, media_type="image/jpeg", headers=HEADERS)

    async def file(self, request: Request) -> Response:
        form = request.path_params["form"]
        file = await self._work(self.desk.file, *_place(request), form)
        disposition = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
        headers = {**HEADERS, "Content-Disposition": disposition}
        return Response(file.data, media_type=file.media_type, headers=headers)

    async def _work(self, call: Callable[..., T], *arguments: Any) -> T:
        return await to_thread.run_sync(call, *arguments, limiter=self.one)


async def body_within(request: Request, most: int) -> bytes:
    """The body of a request, given up as soon as it is longer than `most` bytes.

    Raises:
        HTTPException: 413, saying the limit.
    """
    message = f"the file is larger than {most / MEBIBYTE:g} MiB, which is the limit here"
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise HTTPException(413, message)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise HTTPException(413, message)
    return bytes(data)


def _refuse_other_sites(request: Request) -> None:
    """Pages of other sites must not have this machine read for them: browsers say in Origin who is asking."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, f"requests from {origin} are not answered")


def _place(request: Request) -> tuple[str, int]:
    return request.path_params["key"], request.path_params["number"]


def _static(name: str) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        return FileResponse(HERE / name, headers=HEADERS)

    return serve


async def _complain(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, HEADERS)
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    return JSONResponse({"error": " ".join(str(error).split())}, status, HEADERS)
