"""SROIE 2019, receipts. The builder is in sroie_dataset_builder, the layout TFDS expects."""
