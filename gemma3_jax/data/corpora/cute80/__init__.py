"""CUTE80, curved text. The builder is in cute80_dataset_builder, the layout TFDS expects."""
