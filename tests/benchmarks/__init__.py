"""Tests of what the benchmarks compute: no test measures a speed that it asserts within a few percent."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
