"""FUNSD, scanned forms. The builder is in funsd_dataset_builder, the layout TFDS expects."""
