"""ICDAR 2013 focused scene text. The builder is in icdar2013_dataset_builder, the layout TFDS expects."""
