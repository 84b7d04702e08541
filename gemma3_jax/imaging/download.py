"""Files from the web, for who asked for that: bounded in size and time, and nothing but http and https."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from gemma3_jax.imaging.load import ImageError, one_line

SCHEMES = ("http", "https")
MOST_BYTES = 100_000_000
TIMEOUT_S = 30.0  # for the connection and each pause
WHOLE_S = 300.0
CHUNK = 1 << 16


def is_url(name: str) -> bool:
    """Whether a name is one of the web's: it begins with http:// or https://."""
    return name.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def fetch(url: str, most_bytes: int = MOST_BYTES, timeout_s: float = TIMEOUT_S) -> bytes:
    """What lies at a URL. Redirections are followed, to http and https only; proxies are those of the environment.

    Raises:
        ImageError: naming the URL and what went wrong: unreachable, an HTTP error, too slow, too large.
    """
    deadline = time.monotonic() + WHOLE_S
    try:
        if not urlsplit(url).hostname:
            raise ImageError(url, "names no host")
        request = urllib.request.Request(url, headers={"User-Agent": "gemma3-ocr"})
        with _opener().open(request, timeout=timeout_s) as answer:
            return _body(url, answer, most_bytes, deadline)
    except urllib.error.HTTPError as error:
        raise ImageError(url, f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        reason = error.reason
        why = one_line(reason) if isinstance(reason, Exception) else str(reason)
        raise ImageError(url, f"cannot be reached ({why})") from None
    except (http.client.HTTPException, OSError) as error:
        raise ImageError(url, f"broken off ({one_line(error)})") from None


def _body(url: str, answer: http.client.HTTPResponse, most_bytes: int, deadline: float) -> bytes:
    body = bytearray()
    while chunk := answer.read(CHUNK):
        body += chunk
        if len(body) > most_bytes:
            raise ImageError(url, f"larger than {most_bytes / 1e6:.0f} MB: download it yourself")
        if time.monotonic() > deadline:
            raise ImageError(url, f"not here after {WHOLE_S:.0f} s: download it yourself")
    if not body:
        raise ImageError(url, "empty (0 bytes)")
    return bytes(body)


def _opener() -> urllib.request.OpenerDirector:
    """urllib's own opener reads file: and ftp: as well, where a redirection may lead."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
