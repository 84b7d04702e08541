"""IIIT 5K-Word. The builder is in iiit5k_dataset_builder, the layout TFDS expects."""
