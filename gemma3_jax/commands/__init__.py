"""What the subcommands of `gemma3-ocr` do; `gemma3_jax.cli` declares them."""
