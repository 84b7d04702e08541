"""What the text of an optimised TPU program says: collectives, and the compiler's own estimate of the time by phase."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict

COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
PHASES = ("draw", "forward", "backward", "update")

_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
_COLLECTIVE = re.compile(rf"= (.*?) ({'|'.join(COLLECTIVES)})(?:-start)?\(")
_SHAPE = re.compile(r"\b([a-z]+)(\d+)?\[([\d,]*)\]")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_CONDITION = re.compile(r"condition=%?([\w.\-]+)")
_LIMIT = re.compile(r" = s32\[\]\S* constant\((\d+)\)")
_CHANNEL = re.compile(r"channel_id=(\d+)")
_SCOPE = re.compile(r'op_name="([^"]*)"')
_CALLED = re.compile(r"(?:body|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


def collectives(program: str) -> dict[str, tuple[int, int]]:
    """How many of each kind the program has, and how many bytes their results take, `{kind: (count, bytes)}`.

    An asynchronous one, split into start and done, counts once; its start lists operand and result, of which one is counted.
    The compiler may repeat one inside the fusions that use it, on the same channel: it counts once, too.
    """
    found: dict[str, tuple[int, int]] = {}
    channels = set()
    for line in program.splitlines():
        if match := _COLLECTIVE.search(line):
            channel = _CHANNEL.search(line)
            if channel is not None and channel[1] in channels:
                continue
            channels.add(channel[1] if channel else None)
            shapes, kind = match.groups()
            share = 2 if f"{kind}-start(" in line and kind != "all-reduce" else 1
            count, size = found.get(kind, (0, 0))
            found[kind] = count + 1, size + _bytes(shapes) // share
    return found


def _bytes(shapes: str) -> int:
    """Bytes of all arrays of a type such as `(f32[96]{0}, bf16[8,96]{1,0})`, without padding."""
    total = 0
    for kind, bits, sizes in _SHAPE.findall(shapes):
        width = 1 if kind == "pred" else int(bits or 8) // 8
        total += width * math.prod(int(size) for size in sizes.split(",") if size)
    return total


def cycles(program: str) -> Counter[str]:
    """Cycles the TPU compiler expects its operations to take, by `PHASES`; a loop's body counts as often as it runs.

    It is the model by which the compiler chooses among its own alternatives: fit to compare two versions of a program on the
    same chip, not to predict milliseconds. Gathers, scatters and collectives have no estimate and are left out.
    """
    bodies: dict[str, list[str]] = defaultdict(list)
    name = entry = ""
    for line in program.splitlines():
        if match := _COMPUTATION.match(line):
            name = match[2]
            entry = name if match[1] else entry
        elif line.startswith("  "):
            bodies[name].append(line)
    return _expected(bodies, entry, {})


def _expected(
    bodies: dict[str, list[str]], name: str, known: dict[str, Counter[str]]
) -> Counter[str]:
    if name in known:
        return known[name]
    total: Counter[str] = Counter()
    for line in bodies.get(name, ()):
        if match := _CYCLES.search(line):
            scope = _SCOPE.search(line)
            total[phase(scope[1] if scope else "")] += int(match[1])
        if " fusion(" in line or " reduce(" in line:
            continue
        times = _trips(bodies, line)
        called = _CALLED.findall(line)
        if branches := _BRANCHES.search(line):
            called += re.findall(r"[\w.\-]+", branches[1])
        for inner in called:
            for part, count in _expected(bodies, inner, known).items():
                total[part] += times * count
    known[name] = total
    return total


def _trips(bodies: dict[str, list[str]], line: str) -> int:
    """How often a loop's body runs, from the one number that its condition compares the counter with; 1 of what is no loop."""
    condition = _CONDITION.search(line)
    if condition is None:
        return 1
    limits = [int(m[1]) for inner in bodies[condition[1]] if (m := _LIMIT.search(inner))]
    return limits[0] if len(limits) == 1 else 1


def phase(scope: str) -> str:
    """The phase of a training step that an operation belongs to, from the scope JAX gave it.

    JAX marks what it differentiates by `jvp(...)` and what runs backwards by `transpose(jvp(...))`; `training.loop` names the
    drawing. A program that only reads has everything in `update`.
    """
    if "transpose(" in scope:
        return "backward"
    if "jvp(" in scope:
        return "forward"
    return "draw" if "/draw/" in scope else "update"
