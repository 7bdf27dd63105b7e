"""The verdict in words."""

from sis_edge.results.verdict import Verdict


def headline(verdict: Verdict) -> str:
    """The verdict in one line: its word, and what it means."""
    return verdict.headline


def verdict_lines(verdict: Verdict) -> tuple[str, ...]:
    """The reasons as sentences, and what could not be checked."""
    return verdict.lines
