"""Fixed word stuff of the lexicon: common words, number patterns, marks around words.

In a pattern some letters are slots, filled at random by one of their characters; every other character stands for itself.
"""

from __future__ import annotations

import string

ANYTHING, DIGIT = "\x01", "\x02"
_CODE = string.ascii_uppercase + string.digits
SLOTS = {
    ANYTHING: "".join(chr(code) for code in range(0x21, 0x7F)),
    DIGIT: "0123456789",
    "\x03": "123456789",
    "\x04": "01",
    "\x05": "012345",
    "\x06": string.ascii_uppercase,
    "\x07": string.ascii_lowercase,
    "\x08": _CODE,
    "\x0b": "$$$#*",
    "\x0e": "-/.",
    "\x0f": string.ascii_letters + string.digits,
}
_WRITTEN = {
    "d": DIGIT,
    "n": "\x03",
    "b": "\x04",
    "s": "\x05",
    "U": "\x06",
    "l": "\x07",
    "C": "\x08",
    "c": "\x0b",
    "p": "\x0e",
}
_WRITTEN["M"] = "\x0f"


def _pattern(text: str) -> str:
    """`{d}`-free notation: a letter listed in _WRITTEN is a slot; a letter after a backslash is itself."""
    out, plain = [], False
    for char in text:
        if char == "\\" and not plain:
            plain = True
            continue
        out.append(char if plain else _WRITTEN.get(char, char))
        plain = False
    return "".join(out)


_NUMBERS = {
    # integers, years
    "n": 4, "nd": 8, "ndd": 8, "nddd": 8, "ndddd": 4, "nddddd": 2, "20dd": 6, "19dd": 6, "n,ddd": 2, "nd,ddd": 2, "ndd,ddd": 1,
    "n,ddd,ddd": 1, "00d": 1, "0dd": 1,
    # prices and amounts
    "n.dd": 6, "nd.dd": 8, "ndd.dd": 4, "n,ddd.dd": 2, "cn.dd": 5, "$nd.dd": 4, "$n": 2, "$nd": 2, "$ndd": 2, "$n,ddd": 1, "$n,ddd.dd": 1,
    "0.dd": 3, "n.d": 3, "nd.d": 2, "n.ddd": 1, "-n.dd": 1, "(n.dd)": 1, "RMnd.dd": 1, "n,dd": 1, "nd,dd": 1, "n.99": 2, "n.00": 2, "nd.00": 2,
    # per cent, ordinals, units, sums
    "n%": 2, "nd%": 4, "n00%": 1, "n.d%": 1, "n\\s\\t": 0.3, "n\\t\\h": 1, "nd\\t\\h": 1, "ndk\\m": 1, "nk\\g": 1, "ndd\\m\\l": 1, "ndd\\g": 1, "nd\"": 0.5,
    "n+": 0.5, "#n": 1, "#nd": 1, "nx": 0.5, "x\\n": 0.1, "nd°": 0, "n/n": 1, "n/d": 0.5, "n-nd": 1, "nd-nd": 1, "n.": 2, "nd.": 1, "n)": 1, "(n)": 1, "+n": 0.5,
    # dates, times
    "bn/sd/20dd": 3, "bn-sd-20dd": 2, "sn/bn/dd": 2, "20dd-bn-sd": 2, "sn.bn.20dd": 2, "sn.bn.dd": 1, "sdpbnp20dd": 2, "bd:sd": 4, "n:sd": 3,
    "bd:sd:sd": 2, "n:sd\\p\\m": 1, "n:sd\\a\\m": 1, "nPM": 0.5, "nAM": 0.5, "'dd": 0.5, "20dd/dd": 0.5, "19dd-20dd": 1,
    # telephones, codes with dashes
    "(ndd)": 1, "ddd-dddd": 3, "ndd-ddd-dddd": 2, "(0d)": 0.5, "0d-dddddddd": 1, "0dd-ddddddd": 1, "+nd": 1, "dddd-dddd": 1, "1-800-ddd-dddd": 1,
    "ndd.ddd.dddd": 1, "dddd dddd": 0.5, "0d dddd dddd": 0.3, "ddddd": 2, "dddddd": 2, "dddddddd": 1, "dddddddddd": 1, "ddddddddddddd": 0.5,
    # serials, plates, sizes, rooms
    "CCC": 2, "CCCC": 2, "CCCCC": 3, "CCCCCC": 3, "CCCCCCC": 2, "CCCCCCCC": 2, "CCCCCCCCCC": 1, "CCCC-CCCC": 1, "UUddd": 2, "UUdddd": 2,
    "Ud": 2, "Udd": 2, "Uddd": 2, "dU": 1, "ddU": 2, "UU-ddd": 1, "UUU-ddd": 2, "UUU dddd": 1, "UUUdddd": 2, "U-dd": 1, "U.U.": 1, "UU": 3, "UUU": 4,
    "UUUU": 1, "U": 2, "l": 1, "U&U": 1, "dd-dd": 1, "#dddd": 1, "No.nd": 1, "dxd": 1, "ndxnd": 1, "UUdd-dddd": 1, "dddd-U": 1, "MMMMM": 1, "MMMMMMMM": 1,
    "dddddd-ddddd": 0.5, "UUU/dddd": 0.5, "Ud-ddd": 1, "dd.dd.dd": 0.5, "SR": 0.5, "lll": 0.5,
    # digits among letters, of which a reader makes the like: B and 8, O and 0
    "dU.ddd": 1.5, "Ud.dd": 1, "dUddd": 1.5, "dUd": 1.5, "UdU": 1.5, "ddUU": 1, "UdU dUU": 1, "UdUdd": 1, "ddU-dd": 1, "dUU": 1,
}  # fmt: skip
PATTERNS: tuple[tuple[str, float], ...] = (
    (ANYTHING, 0.5),
    (DIGIT, 3.0),
    *((_pattern(text), float(weight)) for text, weight in _NUMBERS.items() if weight > 0),
)

PREFIXES = (
    "(",
    "(",
    '"',
    "'",
    "#",
    "@",
    "*",
    "-",
    "[",
    "/",
    "&",
    "$",
    "<",
    "+",
    "~",
    "www.",
    "www.",
    "http://",
    "the ",
    "No. ",
)
SUFFIXES = (
    *(",", ",", ",", ",", ".", ".", ".", ".", ".", ":", ":", ":", ";", "!", "!", "!", "?", "?", ")", ")", "]", '"', "'", "'s", "'s", "'S"),
    *("-", "/", "*", "%", "...", "'t", "'", "=", "+", ">", "_", "|", "}", "&", ".com", ".com", ".COM", ".org", ".net", ".co.uk", ".de"),
    *("(s)", "~", "^", "`", "\\", "1", "2", "3", "10", "24", "99", "2000"),
)  # fmt: skip
JOINERS = (
    " ",
    " ",
    " ",
    " ",
    "-",
    "-",
    "-",
    "-",
    "&",
    "/",
    "/",
    "@",
    "@",
    ".",
    ".",
    "'",
    "_",
    " & ",
    "+",
    ":",
    "=",
    ", ",
)

_COMMON = """the of and to in for is on that by this with you it not or be are from at as your all have new more an was we will home can
us about if page my has search free but our one other do no information time they site he up may what which their news out use any
there see only so his when contact here business who web also now help get view online first am been would how were services some
these click its like service than find price date back top people list name just over state year day into email two health world
next used go work last most products music buy data make them should product system post her city add policy number such please
available copyright support message after best software then good video well where info rights public books high school through
each links she review years order very privacy book items company read group need many user said does set under general research
university mail full map reviews program life know games way days management part could great united hotel real item international
center store travel comments made development report off member details line terms before hotels did send right type because local
those using results office education national car design take posted internet address community within states area want phone
shipping reserved subject between forum family long based code show even black check special prices website index being women much
sign file link open today technology south case project same pages section own found sports house related security both county
american photo game members power while care network down computer systems three total place end following download him without
per access think north resources current posts big media law control water history pictures size art personal since including
guide shop directory board location change white text small rating rate government children during return students shopping
account times sites level digital profile previous form events love old main call hours image department title description
street road avenue square park garden bridge station airport platform exit entrance parking taxi bus metro train ticket gate
pharmacy hospital clinic bakery restaurant cafe coffee bar pub grill kitchen pizza burger chicken noodle sushi salon barber
studio gallery museum theatre cinema library college church temple tower plaza mall market outlet fashion shoes jewelry watch
optical florist laundry hardware tools paint auto tyres garage petrol diesel bank insurance loans travel agency tours hostel inn
suites resort beach harbour marina island valley mountain river lake forest sale discount offer save deal bargain clearance open
closed push pull caution danger warning stop slow yield speed limit school zone keep left right no smoking entry private staff
only toilets ladies gentlemen men lift stairs floor level room suite reception information desk cash cashier card accepted change
due subtotal tax invoice receipt thank you visit again qty amount item total balance paid rounding table server guest order date
signature"""
COMMON_WORDS = tuple(_COMMON.split())
