"""A PDF written by hand (ISO 32000-1, 7.5), so that what is read from it has a reference outside our own code."""

from __future__ import annotations

HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def small_pdf(
    *contents: bytes, box: str = "0 0 300 200", extra: str = "", image: bytes = b""
) -> bytes:
    """One page for each content stream, with Helvetica as /F1 and `image`, an object, as /Im; `extra` entries for pages."""
    count = len(contents)
    kids = " ".join(f"{5 + 2 * k} 0 R" for k in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        HELVETICA,
        image or b"<< >>",
    ]
    resources = "/Resources << /Font << /F1 3 0 R >> /XObject << /Im 4 0 R >> >>"
    for k, content in enumerate(contents):
        page = f"/Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents {6 + 2 * k} 0 R"
        objects.append(f"<< {page} {resources} {extra} >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    file, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return bytes(file + b"startxref\n%d\n%%%%EOF\n" % start)


def text(words: str, x: float, y: float, size: float = 20, turn: str = "1 0 0 1") -> bytes:
    """Operators that set `words` in Helvetica with its baseline's start at (x, y), points."""
    return f"BT /F1 {size} Tf {turn} {x} {y} Tm ({words}) Tj ET".encode()
