"""Real pictures on their way to the trainer: `manifest` (where they lie), `texts` (what is learnt of them), `feed` (grain)."""
