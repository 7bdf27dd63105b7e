"""The JetPack of a Jetson, by its L4T release: how NVIDIA numbers the system below it."""

import re

# An L4T release, and the JetPack that came with it; later releases of the same two first numbers belong to it too,
# up to the next row.
JETPACKS: tuple[tuple[str, str], ...] = (
    ("32.1", "4.2"),
    ("32.2", "4.2.1"),
    ("32.2.1", "4.2.2"),
    ("32.2.3", "4.2.3"),
    ("32.3.1", "4.3"),
    ("32.4.2", "4.4 DP"),
    ("32.4.3", "4.4"),
    ("32.4.4", "4.4.1"),
    ("32.5", "4.5"),
    ("32.5.1", "4.5.1"),
    ("32.6.1", "4.6"),
    ("32.7.1", "4.6.1"),
    ("32.7.2", "4.6.2"),
    ("32.7.3", "4.6.3"),
    ("32.7.4", "4.6.4"),
    ("32.7.5", "4.6.5"),
    ("32.7.6", "4.6.6"),
    ("34.1", "5.0 DP"),
    ("34.1.1", "5.0.1 DP"),
    ("35.1", "5.0.2"),
    ("35.2.1", "5.1"),
    ("35.3.1", "5.1.1"),
    ("35.4.1", "5.1.2"),
    ("35.5", "5.1.3"),
    ("35.6", "5.1.4"),
    ("35.6.1", "5.1.5"),
    ("36.2", "6.0 DP"),
    ("36.3", "6.0"),
    ("36.4", "6.1"),
    ("36.4.3", "6.2"),
    ("36.4.4", "6.2.1"),
    ("36.5", "6.2.2"),
    ("38.2", "7.0"),
    ("38.4", "7.1"),
    ("39.2", "7.2"),
    ("39.2.1", "7.2.1"),
)


def jetpack_of(l4t: str | None) -> str | None:
    """The JetPack of an L4T release; None for a release that is not known.

    >>> jetpack_of("36.4.3"), jetpack_of("32.7.4"), jetpack_of("39.3.0")
    ('6.2', '4.6.4', None)
    """
    release = numbers(l4t or "")
    known = [name for first, name in JETPACKS if numbers(first)[:2] == release[:2] and numbers(first) <= release]
    return known[-1] if known else None


def in_range(jetpack: str, limits: list[str]) -> bool:
    """Whether a JetPack lies within a profile's; the newest one's later patches are in it.

    >>> in_range("5.0.1 DP", ["5.0.2", "7.2"]), in_range("7.2.1", ["5.0.2", "7.2"])
    (False, True)
    """
    version, oldest, newest = numbers(jetpack), numbers(limits[0]), numbers(limits[1])
    return oldest <= version and version[: len(newest)] <= newest


def difference(l4t: str | None, limits: list[str] | None) -> str | None:
    """The sentence on a board whose JetPack is not the profile's, or is not known; None where there is nothing to say.

    >>> difference("39.3.0", ["7.0", "7.2"]).partition(" (")[0]
    'JetPack: L4T 39.3.0 is newer than every JetPack that sis-edge knows'
    """
    if l4t is None or limits is None:
        return None
    jetpack, wanted = jetpack_of(l4t), f"the profile is for {limits[0]} to {limits[1]}"
    if jetpack is not None:
        return None if in_range(jetpack, limits) else f"JetPack: {jetpack} (L4T {l4t}), {wanted}"
    older = [row for row in JETPACKS if numbers(row[0]) <= numbers(l4t)]
    first, last = JETPACKS[0], JETPACKS[-1]
    if not older:
        return f"JetPack: L4T {l4t} is older than every JetPack that sis-edge knows ({_row(first)}), {wanted}"
    if older[-1] == last:
        return f"JetPack: L4T {l4t} is newer than every JetPack that sis-edge knows ({_row(last)}), {wanted}"
    return f"JetPack: L4T {l4t} is of none that sis-edge knows (newer than {_row(older[-1])}), {wanted}"


def _row(row: tuple[str, str]) -> str:
    return f"{row[1]}, L4T {row[0]}"


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing."""
    return tuple(int(part) for part in re.findall(r"\d+", text))
