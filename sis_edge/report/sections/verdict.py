"""The verdict in words."""

from sis_edge.results.verdict import NO_OUTPUTS, Level, Verdict

HEADLINES: dict[Level, str] = {
    "VALID": "no problem found in this run",
    "VALID as far as seen": "no problem found, but this board does not report all that a verdict stands on",
    "QUICK": "all works; this run is too short for numbers to rely on, measure again without --quick",
    "SUSPECT": "something may have biased these numbers",
    "INVALID": "the numbers do not describe what they claim to; measure again",
    "NONE": "an emulator's times say nothing about a board, so no speed-up is reported",
}


def headline(verdict: Verdict) -> str:
    """The verdict in one line: its word, and what it means."""
    word = "NO VERDICT" if verdict.level == "NONE" else verdict.level
    return f"{word}: {HEADLINES[verdict.level]}"


def verdict_lines(verdict: Verdict) -> tuple[str, ...]:
    """The reasons as sentences, and what could not be checked."""
    lines = [f"{_upper(reason.sentence)}." for reason in verdict.reasons]
    if NO_OUTPUTS in verdict.unseen:
        lines.append("Outputs were not checked, because the bundle has none to compare with for a network.")
    unreported = [name for name in verdict.unseen if name != NO_OUTPUTS]
    if unreported:
        lines.append(f"Not checked, because this board does not report them: {', '.join(unreported)}.")
    return tuple(lines)


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
