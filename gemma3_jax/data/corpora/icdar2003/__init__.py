"""ICDAR 2003 robust reading. The builder is in icdar2003_dataset_builder, the layout TFDS expects."""
