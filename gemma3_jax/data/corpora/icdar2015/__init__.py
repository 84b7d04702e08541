"""ICDAR 2015 incidental scene text. The builder is in icdar2015_dataset_builder, the layout TFDS expects."""
