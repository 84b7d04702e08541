"""The notebook: executed from its first cell to its last, small, and its code runs as a script with the model as it is."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "examples" / "quick_start.ipynb"
CELLS = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def test_it_was_executed_in_order_without_errors():
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    outputs = [output for cell in CODE for output in cell["outputs"]]
    assert all(cell["outputs"] for cell in CODE)
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_is_small_and_tells_nothing_of_the_machine():
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) < 150_000 and "/home/" not in text and "/work/" not in text


@pytest.mark.filterwarnings("ignore")
def test_its_code_runs_as_a_script():
    script = "\n".join("".join(cell["source"]) for cell in CODE)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(script, NOTEBOOK.name, "exec"), {"__name__": "__main__"})
    assert "TOTAL" in said.getvalue() and "receipt.alto.xml" in said.getvalue()
