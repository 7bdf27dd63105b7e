"""One network of one run, by topic; `fields` flattens it into the columns of CSV and JSON."""

from sis_edge.results.rows.measured import Measured
from sis_edge.results.rows.row import Row

__all__ = ["Measured", "Row"]
