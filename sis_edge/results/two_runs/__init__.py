"""Two stored runs, or two networks of one, against each other.

matching.py     which network of one belongs to which of the other
obstacles.py    what cannot be compared, and what else to know
quantities.py   latency, energy, memory and accuracy of one network against another
between.py      all of it together
"""

from sis_edge.results.two_runs.between import ComparedNetwork, RunComparison, compare_two
from sis_edge.results.two_runs.obstacles import Obstacle
from sis_edge.results.two_runs.quantities import QuantityChange

__all__ = ["ComparedNetwork", "Obstacle", "QuantityChange", "RunComparison", "compare_two"]
