"""A font that draws nothing, for text that is only to be found: every character is half as wide as it is high.

Widths fit no letter, and need not: the text matrix stretches each word to its box. The characters are numbered as they first
occur, and the font says which Unicode each number is, so any script goes in without a font of its own
(ISO 32000-1, 9.7.4 CIDFonts and 9.10.3 ToUnicode).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

ASCENT, DESCENT, ADVANCE = 800, -200, 500  # thousandths of the font size
MOST_CHARACTERS = 65_535  # two-byte codes; 0 is "no such character"
CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{maps}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


def character_codes(texts: Iterable[str]) -> dict[str, int]:
    """Character -> code, from 1, in the order of first occurrence; the space is always there.

    Raises:
        ValueError: more different characters than a font can number.
    """
    characters = dict.fromkeys(" " + "".join(texts))
    if len(characters) > MOST_CHARACTERS:
        raise ValueError(f"{len(characters)} different characters: a PDF font holds 65535")
    return {character: code for code, character in enumerate(characters, 1)}


def font_objects(codes: dict[str, int], stream: Any) -> dict[str, Any]:
    """The Type 0 font as nested dicts; `stream(data, **entries)` makes what must be a stream of its own."""
    name, program = "/GlyphLess", font_file()
    descriptor = {
        "/Type": "/FontDescriptor",
        "/FontName": name,
        "/Flags": 4,  # symbolic
        "/FontBBox": [0, DESCENT, ADVANCE, ASCENT],
        "/ItalicAngle": 0,
        "/Ascent": ASCENT,
        "/Descent": DESCENT,
        "/CapHeight": ASCENT,
        "/StemV": 80,
        "/FontFile2": stream(program, **{"/Length1": len(program)}),
    }
    descendant = {
        "/Type": "/Font",
        "/Subtype": "/CIDFontType2",
        "/BaseFont": name,
        "/CIDSystemInfo": {"/Registry": b"Adobe", "/Ordering": b"Identity", "/Supplement": 0},
        "/FontDescriptor": descriptor,
        "/DW": ADVANCE,
        "/CIDToGIDMap": stream(b"\0\1" * (len(codes) + 1)),  # every code is glyph 1
    }
    return {
        "/Type": "/Font",
        "/Subtype": "/Type0",
        "/BaseFont": name,
        "/Encoding": "/Identity-H",
        "/DescendantFonts": [descendant],
        "/ToUnicode": stream(_to_unicode(codes)),
    }


def _to_unicode(codes: dict[str, int]) -> bytes:
    lines = [f"<{n:04X}> <{c.encode('utf-16-be').hex().upper()}>" for c, n in codes.items()]
    groups = [lines[k : k + 100] for k in range(0, len(lines), 100)]  # at most 100 in one list
    maps = [f"{len(g)} beginbfchar\n" + "\n".join(g) + "\nendbfchar" for g in groups]
    return CMAP.format(maps="\n".join(maps)).encode("ascii")


def font_file() -> bytes:
    """A TrueType file with the tables that PDF asks for (ISO 32000-1, 9.9) and no more: `.notdef`, and the one glyph.

    That is a line from corner to corner of its box and back: it covers nothing, but pdfium passes over text whose glyphs have
    no extent (a single letter, a word that runs straight down).
    """
    box = (0, DESCENT, ADVANCE, ASCENT)
    version, magic = 0x0001_0000, 0x5F0F_3CF5
    head = struct.pack(
        ">IIIIHHQQ4hHHhhh", version, version, 0, magic, 0, 1000, 0, 0, *box, 0, 8, 2, 0, 0
    )
    metrics = (ASCENT, DESCENT, 0, ADVANCE, 0, 0, ADVANCE, 1, 0, 0)  # 1, 0: an upright caret
    steps = (
        0,
        ADVANCE,
        DESCENT,
        ASCENT - DESCENT,
    )  # x and y of two points on the curve, from each to the next
    glyph = struct.pack(">5hHHBB4h", 1, *box, 1, 0, 1, 1, *steps)
    tables = {
        b"glyf": glyph,
        b"head": head,
        b"hhea": struct.pack(">I3hH6h4hhH", version, *metrics, *[0] * 5, 2),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(glyph) // 2),
        b"maxp": struct.pack(">IHHHHHH8H", version, 2, 2, 1, 0, 0, 1, *[0] * 8),
    }
    place = 12 + 16 * len(tables)
    directory, body = struct.pack(">IHHHH", version, len(tables), 64, 2, 32), b""
    for tag, data in tables.items():
        directory += struct.pack(">4sIII", tag, _checksum(data), place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    whole = directory + body
    adjustment = (0xB1B0_AFBA - _checksum(whole)) & 0xFFFF_FFFF
    at = whole.index(head) + 8
    return whole[:at] + struct.pack(">I", adjustment) + whole[at + 4 :]


def _checksum(data: bytes) -> int:
    padded = data + bytes(-len(data) % 4)
    return sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFF_FFFF
