"""What the subcommands of `gemma3-ocr` do; `arguments` declares them."""
