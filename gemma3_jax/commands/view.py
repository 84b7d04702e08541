"""`gemma3-ocr view`: a page in the browser to drop pictures on, served from this machine to this machine."""

from __future__ import annotations

import importlib.util
import socket
import warnings
import webbrowser
from typing import TYPE_CHECKING

from gemma3_jax.cli import UsageError, complain

if TYPE_CHECKING:
    from gemma3_jax.commands.arguments import View


def view(command: View) -> int:
    """Serve the page until Ctrl-C; returns the exit status.

    Raises:
        UsageError: a port or a limit that cannot be meant. ValueError: the port is taken or the address not ours.
        ModuleNotFoundError: saying what to install.
    """
    _check(command)
    import uvicorn
    from PIL import Image

    from gemma3_jax.commands.cache import remember_compilations
    from gemma3_jax.ocr import GemmaOCR
    from gemma3_jax.viewer.app import LOCAL, MEBIBYTE, create_app

    # a picture of 90 to 179 megapixels is read, not warned of; of a larger one the error tells
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    with _listening(command.host, command.port) as listener:
        remember_compilations()
        ocr = GemmaOCR.from_pretrained(command.model, threads=command.threads)
        local = command.host in LOCAL
        app = create_app(
            ocr, command.model, command.max_upload * MEBIBYTE, hosts=LOCAL if local else ("*",)
        )
        address = f"http://{command.host}:{listener.getsockname()[1]}"
        print(f"{address} (stop with Ctrl-C)", flush=True)
        if not local:
            complain(f"view: whoever reaches {command.host} over the network can use this page too")
        if not command.no_browser:
            webbrowser.open(address)  # it waits in the listener's queue until the server is up
        # log_config=None: uvicorn's own would shut every logging handler of the process, and absl's close their streams.
        config = uvicorn.Config(
            app, log_config=None, log_level="warning", timeout_graceful_shutdown=2
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # how it is meant to end
            print()
    return 0


def _check(command: View) -> None:
    if not 0 <= command.port <= 65535:
        raise UsageError(f"view: --port {command.port} must be in 0..65535")
    if command.max_upload < 1:
        raise UsageError(f"view: --max-upload {command.max_upload} must be at least 1 MiB")
    if command.threads is not None and command.threads < 1:
        raise UsageError(f"view: --threads {command.threads} must be at least 1")
    for package in ("starlette", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(
                f'view needs the package {package}: pip install "gemma3_jax[serve]"'
            )


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(
            f"view: cannot listen at {host} port {port} ({reason}): choose another with --port"
        ) from None
