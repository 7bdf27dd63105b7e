"""Charts as PDF: their SVG, converted by vl-convert, with the letters of its fonts inside."""

from sis_edge import extras
from sis_edge.errors import UsageError
from sis_edge.report.charts import Chart, svg


def pdf(chart: Chart) -> bytes:
    """The chart as a PDF of one page of its size, in the colours of a light page.

    Raises UsageError where vl-convert is not installed.
    """
    try:
        import vl_convert
    except ModuleNotFoundError:
        raise UsageError(f"charts as PDF need vl-convert: `{extras.adding('pdf')}`") from None
    return bytes(vl_convert.svg_to_pdf(svg(chart)))
