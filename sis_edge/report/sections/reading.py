"""How to read the numbers of a report."""

from sis_edge.results.statistics import RESAMPLES, needed

BEST = (
    "The best network is the fastest one whose speed-up's interval lies above 1 and whose accuracy drop ends below 2 "
    "points by its interval. Where no network meets both, it is the fastest one. Drops are from the reference."
)
"""How the network at the top is chosen, see `results.best`."""

GIVEN = (
    "Speed-up is the median over rounds of the reference network's median latency in the round divided by this "
    "network's. All networks run in random order within each round, with every runtime, so that a board that warms up "
    "or lowers its clocks does so for all alike.",
    "The 95% interval of a speed-up comes from a hierarchical bootstrap: rounds are drawn with replacement, then "
    f"inferences within each drawn round, {RESAMPLES:,} times. A speed-up whose interval contains 1 is not "
    "significant.",
    "Accuracy is known where labels were given: from the network's first output on the board. Its 95% interval is "
    "Wilson's; that of a drop is paired, from the rows that only one of two networks classifies correctly.",
)
"""How to read speed-up and accuracy of networks that sis-edge did not form."""

READING = (
    BEST,
    "Speed-up is the median over rounds of the reference network's median latency in the round divided by this one's. "
    "All networks run in random order within each round, so that a board that warms up or lowers its clocks does so "
    "for all alike.",
    "The 95% interval of a speed-up comes from a hierarchical bootstrap: rounds are drawn with replacement, then "
    f"inferences within each drawn round, {RESAMPLES:,} times. A speed-up whose interval contains 1 is not "
    "significant.",
    "The 95% interval of an accuracy is Wilson's. That of a drop is paired: from the images that only one of the two "
    "networks classifies correctly (Bonett and Price, 2012). Where only counts were kept it is Newcombe's, which is "
    "wider. Both cover the choice of test images, not the differences between trainings. INT8 and fp16 are compared "
    "with the same network in float32.",
    "A percentile is reported only where the sample is large enough: "
    f"p50 from {needed(50)}, p90 from {needed(90)}, p99 from {needed(99)} inferences.",
    "Energy per inference is the sensor's total over blocks in which one network ran back to back, divided by the "
    "number of inferences: gross as measured, net minus the board's idle power before, between and after. The scope, "
    "what the sensor covers, is part of every label, and so is its gain error where its data sheet or the profile "
    "gives it, which no interval covers; energies of different scopes are not comparable.",
    "The verdict is computed from the record and the bundle's manifest: VALID, SUSPECT or INVALID, with all reasons "
    "found. It is 'VALID as far as seen' where the board does not report clocks, temperatures or signs of throttling, "
    "and QUICK for a run with --quick, which is too short for numbers to rely on.",
    "The ceiling is the ratio of multiply-accumulates, reference network to this one in the same precision. It is "
    "counted, not measured: caches and faster kernels can exceed it by a little, Winograd's algorithm, which "
    "multiplies less, by much. A speed-up far beyond what these explain makes a run SUSPECT.",
)
# Percentiles, energy and verdict are the same for all networks.
OF_GIVEN = (BEST, *GIVEN, *READING[4:7])
