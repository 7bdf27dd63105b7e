"""The golden check: logits of the board for the bundle's golden inputs against PyTorch's on the host."""

from dataclasses import dataclass

from sis_agent.schema import NetworkRecord
from sis_edge.results.rows.figure import Figure


@dataclass(frozen=True)
class GoldenFigures:
    """Whether the logits agree within the bundle's tolerance, on how many images, and by how much they differ."""

    passed: Figure[bool]
    images: Figure[int]
    max_abs_difference: Figure[float]
    top1_agreement: Figure[float]


def golden_figures(record: NetworkRecord | None, reason: str) -> GoldenFigures:
    """The golden check of a network; `reason` says why there was none, where there was none."""
    golden = record.golden if record else None
    no_class = "its first output is no row of class scores" if golden else reason
    return GoldenFigures(
        passed=Figure.of(golden.passed if golden else None, reason),
        images=Figure.of(golden.images if golden else None, reason),
        max_abs_difference=Figure.of(golden.max_abs_difference if golden else None, reason),
        top1_agreement=Figure.of(golden.top1_agreement if golden else None, no_class),
    )
