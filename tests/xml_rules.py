"""What the schemas of ALTO 4.4 and PAGE 2019-07-15 ask of the elements that are written here, as rules of our own.

The XSD files are not in the repository and cannot be fetched by a test. These rules were written down by hand after reading
them: per element the order of its children as a regular expression over their names (each followed by a space), and per
attribute the form of its value. What a rule does not name is not allowed, though the schema may allow it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

NUMBER, WHOLE, TEXT, NAME = r"-?\d+(\.\d+)?", r"\d+", r"[\s\S]*", r"[A-Za-z_][\w.-]*"
SHARE = r"0(\.\d+)?|1(\.0+)?"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
PLACE: dict[str, str] = dict.fromkeys(("HPOS", "VPOS", "WIDTH", "HEIGHT"), NUMBER)
XSI = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
POINTS = r"(\d+,\d+ )+\d+,\d+"
CONFIDENT = {"conf?": SHARE}


class Rule(NamedTuple):
    """`attributes`: value by name; one whose name ends in ? may be missing. `text` of an element without children."""

    children: str = ""
    attributes: dict[str, str] = {}  # noqa: RUF012
    text: str = r"\s*"


ALTO = {
    "alto": Rule("Description (Styles )?(Tags )?(ReadingOrder )?Layout ", {XSI: TEXT}),
    "Description": Rule("MeasurementUnit (sourceImageInformation )?(Processing )*"),
    "MeasurementUnit": Rule(text="pixel|mm10|inch1200"),
    "sourceImageInformation": Rule("(fileName )?"),
    "fileName": Rule(text=TEXT),
    "Processing": Rule("(processingDateTime )?(processingSoftware )?", {"ID": NAME}),
    "processingSoftware": Rule("(softwareCreator )?(softwareName )?(softwareVersion )?"),
    "softwareName": Rule(text=TEXT),
    "softwareVersion": Rule(text=TEXT),
    "Layout": Rule("(Page )+"),
    "Page": Rule(
        "(PrintSpace )?",
        {"ID": NAME, "PHYSICAL_IMG_NR": NUMBER, "WIDTH?": NUMBER, "HEIGHT?": NUMBER},
    ),
    "PrintSpace": Rule("(TextBlock )*", PLACE),
    "TextBlock": Rule("(Shape )?(TextLine )+", {"ID": NAME, **PLACE}),
    "TextLine": Rule("(Shape )?(String (SP )?)+(HYP )?", {"ID?": NAME, **PLACE}),
    "SP": Rule("", {"HPOS": NUMBER, "VPOS": NUMBER, "WIDTH": NUMBER}),
    "String": Rule(
        "(Shape )?(ALTERNATIVE )*(Glyph )*", {"ID?": NAME, "CONTENT": TEXT, "WC?": SHARE, **PLACE}
    ),
    "Shape": Rule("Polygon "),
    "Polygon": Rule("", {"POINTS": rf"({NUMBER},{NUMBER} )+{NUMBER},{NUMBER}"}),
    "Glyph": Rule(
        "(Shape )?(Variant )*", {"ID?": NAME, "CONTENT": r"[\s\S]", "GC?": SHARE, **PLACE}
    ),
}
PAGE = {
    "PcGts": Rule("Metadata Page ", {XSI: TEXT}),
    "Metadata": Rule("Creator Created LastChange (Comments )?"),
    "Creator": Rule(text=TEXT),
    "Created": Rule(text=MOMENT),
    "LastChange": Rule(text=MOMENT),
    "Page": Rule(
        "(ReadingOrder )?(TextRegion )*",
        {"imageFilename": TEXT, "imageWidth": WHOLE, "imageHeight": WHOLE},
    ),
    "ReadingOrder": Rule("(OrderedGroup |UnorderedGroup )"),
    "OrderedGroup": Rule("(RegionRefIndexed )+", {"id": NAME}),
    "RegionRefIndexed": Rule("", {"index": WHOLE, "regionRef": NAME}),
    "TextRegion": Rule("Coords (TextLine )*(TextEquiv )*", {"id": NAME}),
    "TextLine": Rule("Coords (Baseline )?(Word )*(TextEquiv )*", {"id": NAME}),
    "Word": Rule("Coords (Glyph )*(TextEquiv )*", {"id": NAME}),
    "Glyph": Rule("Coords (TextEquiv )*", {"id": NAME}),
    "Coords": Rule("", {"points": POINTS}),
    "Baseline": Rule("", {"points": POINTS}),
    "TextEquiv": Rule("(PlainText )?Unicode ", {"index?": WHOLE, **CONFIDENT}),
    "Unicode": Rule(text=TEXT),
}
REFERENCES = {"regionRef"}


def broken(xml: str, rules: dict[str, Rule]) -> list[str]:
    """Every way in which a document does not keep the rules; ids must be unique, and what is referred to must be there."""
    root = ET.fromstring(xml)
    namespace = root.tag.partition("}")[0] + "}"
    faults, names, wanted = [], [], []
    for element in root.iter():
        tag = element.tag.removeprefix(namespace)
        if tag not in rules:
            faults.append(f"{tag} is not known")
            continue
        rule = rules[tag]
        children = "".join(f"{one.tag.removeprefix(namespace)} " for one in element)
        if not re.fullmatch(rule.children, children):
            faults.append(f"{tag} holds {children}")
        if not re.fullmatch(rule.text, element.text or ""):
            faults.append(f"{tag} has the text {element.text!r}")
        faults += _attributes(tag, element.attrib, rule.attributes)
        names += [value for key, value in element.attrib.items() if key.upper() == "ID"]
        wanted += [value for key, value in element.attrib.items() if key in REFERENCES]
    faults += [
        f"{name} is there {names.count(name)} times" for name in {*names} if names.count(name) > 1
    ]
    return faults + [f"{name} is referred to and not there" for name in {*wanted} - {*names}]


def _attributes(tag: str, found: dict[str, str], rules: dict[str, str]) -> list[str]:
    known = {name.removesuffix("?"): form for name, form in rules.items()}
    needed = {name for name in rules if not name.endswith("?")}
    faults = [f"{tag} lacks {name}" for name in needed - set(found)]
    for name, value in found.items():
        if name not in known:
            faults.append(f"{tag} has {name}")
        elif not re.fullmatch(known[name], value):
            faults.append(f"{tag} has {name}={value!r}")
    return faults
