"""Why two runs differ: what is not alike between them, ranked by how well it explains the ratio of latencies.

pair.py      two runs, read as the causes need them
factor.py    one thing that may differ: its values, and the effect that a difference would have
causes/      what is looked at, one file each kind; a list of functions
ranking.py   the model by which differences are ranked
explain.py   all of it together
text.py      the explanation as text, tables and Markdown
"""

from sis_edge.explaining.explain import Explanation, explain
from sis_edge.explaining.factor import Effect, Factor
from sis_edge.explaining.ranking import Ranked

__all__ = ["Effect", "Explanation", "Factor", "Ranked", "explain"]
