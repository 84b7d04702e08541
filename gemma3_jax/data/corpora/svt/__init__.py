"""Street View Text. The builder is in svt_dataset_builder, the layout TFDS expects."""
