"""The average over the six word benchmarks that papers quote, in every variant that is at hand.

Two of the six sets circulate in two cuts (Baek et al., What is wrong with scene text recognition model
comparisons?, ICCV 2019): ICDAR 2013 with 1015 words (letters and digits only) or 857 of them (three
characters or more), ICDAR 2015 with 2077 words or 1811 (without the most tilted and curved). An average
means nothing without the cuts it was taken over, so each comes under a name that says them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

IC13_CUTS = ("ic13-857", "ic13-1015")
IC15_CUTS = ("ic15-1811", "ic15-2077")
COMMON = ("iiit5k", "svt", "svtp", "cute80")
SIX_SETS = (*COMMON, *IC13_CUTS, *IC15_CUTS)
IC13_SHORT_CUT = 3  # characters: the 857 are the words of the 1015 with as many


def six_set_averages(
    accuracies: Mapping[str, tuple[float, int]],
) -> dict[str, tuple[float, float]]:
    """Per pair of cuts: the mean of the six accuracies, and the share of right words among all words.

    `accuracies` gives (accuracy, words) by the names of `SIX_SETS`. Cuts that are not there are left
    out; nothing is averaged unless all of `COMMON` are there.
    """
    if not all(name in accuracies for name in COMMON):
        return {}
    averages = {}
    for ic13, ic15 in itertools.product(IC13_CUTS, IC15_CUTS):
        if ic13 in accuracies and ic15 in accuracies:
            six = [accuracies[name] for name in (*COMMON, ic13, ic15)]
            words = sum(count for _, count in six)
            weighted = sum(share * count for share, count in six) / words if words else 0.0
            averages[f"{ic13} {ic15}"] = (sum(share for share, _ in six) / len(six), weighted)
    return averages
