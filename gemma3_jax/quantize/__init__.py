"""Eight-bit integers for a trained network.

`pictures` are read by the float network while `observe` counts in `ranges` what flows through it; `qdq` rewrites a graph with
these ranges (`layers` says where, `codes` how, `slim` what is left out) and `sensitivity` says which layers it costs most.
"""
