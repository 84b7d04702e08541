"""From what the network says to what a person reads, on the host: boxes, text, reading order."""
