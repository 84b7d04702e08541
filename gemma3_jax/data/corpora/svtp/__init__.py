"""Street View Text Perspective. The builder is in svtp_dataset_builder, the layout TFDS expects."""
