"""The page of `gemma3-ocr view`: `desk` holds what was opened, `app` is its HTTP side, the rest is the page itself."""
