"""Pictures in: files and arrays to upright RGB, and the few static shapes that the network sees."""
