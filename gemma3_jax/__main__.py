"""`python -m gemma3_jax` is `gemma3-ocr`."""

from __future__ import annotations

import sys

from gemma3_jax.cli import main

if __name__ == "__main__":
    sys.exit(main())
