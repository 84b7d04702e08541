"""Plain Python values as PDF objects, and content added to a page: the little that this package asks of pypdf."""

from __future__ import annotations

from typing import Any


def require_pypdf() -> Any:
    """The module pypdf.

    Raises:
        ModuleNotFoundError: saying what to install.
    """
    try:
        import pypdf
        import pypdf.errors
    except ImportError:
        reason = 'PDF output needs pypdf: pip install "gemma3_jax[pdf]"'
        raise ModuleNotFoundError(reason) from None
    return pypdf


def pdf_object(value: Any) -> Any:
    """A dict, list, "/Name", bytes (a string) or number as its PDF object; PDF objects stay as they are."""
    from pypdf import generic

    if isinstance(value, generic.PdfObject):
        return value
    if isinstance(value, dict):
        entries = {generic.NameObject(key): pdf_object(entry) for key, entry in value.items()}
        return generic.DictionaryObject(entries)
    if isinstance(value, list):
        return generic.ArrayObject(map(pdf_object, value))
    if isinstance(value, str):
        return generic.NameObject(value)
    if isinstance(value, bytes):
        return generic.TextStringObject(value.decode("ascii"))
    return generic.NumberObject(value) if isinstance(value, int) else generic.FloatObject(value)


def add_object(writer: Any, value: Any) -> Any:
    """Add a value to a `pypdf.PdfWriter` and return the reference to it, by which pages share it."""
    return writer._add_object(pdf_object(value))


def add_stream(writer: Any, data: bytes, entries: dict[str, Any] | None = None) -> Any:
    """Add a stream to a `pypdf.PdfWriter` and return the reference to it; deflated unless its entries name a /Filter."""
    from pypdf import generic

    stream: Any = generic.DecodedStreamObject()
    stream.set_data(data)
    stream.update(pdf_object(entries or {}))
    if "/Filter" not in stream:
        stream = stream.flate_encode()
    return add_object(writer, stream)


def add_resource(page: Any, kind: str, name: str, value: Any) -> None:
    """Make `value` known to a page's content, e.g. kind "/Font", name "/F1"."""
    resources = page.setdefault(pdf_object("/Resources"), pdf_object({})).get_object()
    known = resources.setdefault(pdf_object(kind), pdf_object({})).get_object()
    known[pdf_object(name)] = pdf_object(value)


def add_content(writer: Any, page: Any, operators: bytes) -> None:
    """Draw over a page, in its own coordinates whatever its content has done to them."""
    from pypdf import generic

    before = []
    if "/Contents" in page:
        content = page.raw_get("/Contents")
        inner = content.get_object()
        before = list(inner) if isinstance(inner, generic.ArrayObject) else [content]
    opening, closing = add_stream(writer, b"q\n"), add_stream(writer, b"\nQ\n")
    added = add_stream(writer, b"q\n" + operators + b"\nQ\n")
    around = [opening, *before, closing] if before else []
    page[generic.NameObject("/Contents")] = generic.ArrayObject([*around, added])
