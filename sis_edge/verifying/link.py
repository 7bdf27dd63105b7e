"""What a check found: as it was, changed, or not checked with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "changed", "not checked"]

LISTED = 20
"""Of more changed files these are named."""


@dataclass(frozen=True)
class ChainLink:
    """One link of the chain: `subject` is what was checked, `text` what is known of it."""

    subject: str
    state: State
    text: str


@dataclass(frozen=True)
class Verification:
    """All links of a run or an archive, in the order of the chain; `signer` signed the archive, where it was."""

    run_id: str
    bundle_id: str
    links: tuple[ChainLink, ...]
    signer: str | None = None
    not_signed: str | None = None

    @property
    def changed(self) -> tuple[ChainLink, ...]:
        """What is not as it was stored."""
        return tuple(found for found in self.links if found.state == "changed")

    @property
    def unchecked(self) -> tuple[ChainLink, ...]:
        """What nobody can say."""
        return tuple(found for found in self.links if found.state == "not checked")


def ok(subject: str, text: str) -> ChainLink:
    """As it was."""
    return ChainLink(subject, "ok", text)


def changed(subject: str, text: str) -> ChainLink:
    """Not as it was."""
    return ChainLink(subject, "changed", text)


def unchecked(subject: str, reason: str) -> ChainLink:
    """Not checked, for this reason."""
    return ChainLink(subject, "not checked", reason)


def of_faults(subject: str, faults: Iterable[str], fine: str) -> ChainLink:
    """Changed for these reasons; where there is none it is fine."""
    listed = list(faults)
    more = f"; and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return changed(subject, "; ".join(listed[:LISTED]) + more) if listed else ok(subject, fine)
