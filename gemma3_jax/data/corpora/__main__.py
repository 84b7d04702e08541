"""`python -m gemma3_jax.data.corpora SET/TASK --manual-dir DIR`."""

from gemma3_jax.data.corpora.build import main

if __name__ == "__main__":
    main()
