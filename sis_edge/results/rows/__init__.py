"""One network of one run, by topic; `fields` flattens it into the columns of CSV and JSON."""

from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.row import Row

__all__ = ["Figure", "Row"]
