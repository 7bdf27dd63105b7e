"""Can a run's numbers be defended? A level with reasons in words, from the record and what the host knows of it.

INVALID: the numbers do not describe what they claim to (another function, another power mode, a board that throttled, a
sample too small). SUSPECT: something may have biased them. VALID: every rule was applied to what is in the record, and
none found a problem. VALID as far as seen: the same, but the board does not report what a verdict stands on (EYES).
QUICK: the same for a run that was made too short on purpose. What is not in the record is listed in `unseen`. An
emulated board gets NONE, no verdict at all: its times are those of the emulator.

The rules are pure functions of the record, so a stored run can be judged again; VERDICT_VERSION changes with them.

History of VERDICT_VERSION:
    1   first version
    2   a wrong function, interference, a board or a job that is not what it was, numbers that cannot be; levels QUICK
        and VALID as far as seen
    3   a virtual machine that does not show whether its processor is emulated
    4   jobs that were interrupted and went on
    5   the multiply-accumulates that Winograd's algorithm saves explain a speed-up
    6   sustained work and rests; what a board does when it throttles there is a remark, and no reason
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sis_agent.schema import Record
from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.results.evidence import Evidence, known
from sis_edge.results.function import Entries, entries
from sis_edge.results.rules import RULES, Level, Reason
from sis_edge.results.rules.sustained import remarks
from sis_edge.results.schema import StoredRun
from sis_edge.text.tables import wrapped

__all__ = ["ACCEPTED", "VERDICT_VERSION", "Level", "Reason", "Verdict", "judge", "judge_run"]

VERDICT_VERSION = 6

# Of what a board may not report, that which a VALID cannot do without: they show whether it kept its speed.
EYES = frozenset({"CPU clocks", "GPU clock", "temperatures", "signs of throttling"})
NO_OUTPUTS = "outputs, for which nothing is expected"
"""What no rule can check where the bundle has nothing to compare with; the board cannot help it."""
# The levels that `--require-valid` accepts.
ACCEPTED: tuple[Level, ...] = ("VALID", "VALID as far as seen")


HEADLINES: dict[Level, str] = {
    "VALID": "no problem found in this run",
    "VALID as far as seen": "no problem found, but this board does not report all that a verdict stands on",
    "QUICK": "all works; this run is too short for numbers to rely on, measure again without --quick",
    "SUSPECT": "something may have biased these numbers",
    "INVALID": "the numbers do not describe what they claim to; measure again",
    "NONE": "an emulator's times say nothing about a board, so no speed-up is reported",
}


@dataclass(frozen=True, repr=False)
class Verdict:
    """The worst level of the reasons; `unseen` names what this board does not report and no rule could check.

    `remarks` say what sustained work showed, which no level depends on: that a board throttles there is the result.
    """

    level: Level
    reasons: tuple[Reason, ...] = ()
    version: int = VERDICT_VERSION
    unseen: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The verdict in one line: its word, and what it means."""
        word = "NO VERDICT" if self.level == "NONE" else self.level
        return f"{word}: {HEADLINES[self.level]}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The reasons as sentences, and what could not be checked."""
        lines = [f"{_upper(reason.sentence)}." for reason in self.reasons]
        if NO_OUTPUTS in self.unseen:
            lines.append("Outputs were not checked, because the bundle has none to compare with for a network.")
        unreported = [name for name in self.unseen if name != NO_OUTPUTS]
        if unreported:
            lines.append(f"Not checked, because this board does not report them: {', '.join(unreported)}.")
        return tuple(lines)

    def __repr__(self) -> str:
        return "\n".join(wrapped([self.headline, *(f"- {line}" for line in self.lines)]))


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def judge_run(run: StoredRun) -> Verdict:
    """The verdict on a stored run, whose manifest has the host's accuracies and multiply-accumulates."""
    dense = next((record for entry, record in run.networks() if record and run.is_reference(entry, record)), None)
    return judge(run.record, entries(run), dense.name if dense else None)


def judge(record: Record, entries: Entries | None = None, reference: str | None = None) -> Verdict:
    """The verdict on one record; without `entries` what the host knows of its networks is not compared.

    `reference` is the network that the speed-ups are over, None: the job's.
    """
    if record.facts_before.emulated:
        sign = f" ({sign})" if (sign := record.facts_before.emulation) else ""
        said = f"the board is emulated{sign}: its times are the emulator's"
        return Verdict("NONE", (Reason("emulated", "NONE", said),))
    evidence = Evidence(record, entries or {}, reference or record.job.reference)
    reasons = sorted((reason for rule in RULES for reason in rule(evidence)), key=_gravity)
    unseen = tuple(_unseen(evidence))
    level: Level = reasons[0].level if reasons else "VALID"
    if not reasons and EYES.intersection(unseen):
        level = "VALID as far as seen"
    if not reasons and record.job.quick:
        level = "QUICK"
    return Verdict(level, tuple(reasons), unseen=unseen, remarks=tuple(remarks(record)))


def _gravity(reason: Reason) -> int:
    return ("INVALID", "SUSPECT").index(reason.level)


def _unseen(evidence: Evidence) -> Iterator[str]:
    """What no rule could check."""
    states, job = evidence.during, evidence.record.job
    unchecked = [network for network in evidence.measured if network.golden is None]
    given = [isinstance(evidence.entries.get(network.name), GivenNetwork) for network in unchecked]
    if any(given):
        yield NO_OUTPUTS
    for name, seen in (
        ("golden logits", all(given)),
        ("CPU clocks", bool(evidence.cpu_hz)),
        ("GPU clock", not job.on_gpu or bool(evidence.gpu_hz and evidence.expects_gpu_hz)),
        ("temperatures", any(known(list(state.temperatures_c.values())) for state in states)),
        ("signs of throttling", any(state.throttle or state.counters for state in states)),
        ("interference", evidence.sees_interference),
        ("other programs' load", bool(evidence.other_cores)),
        ("time taken by other machines (steal)", any(state.steal is not None for state in states)),
        ("swap", any(state.swap_used_bytes is not None for state in states)),
        ("power", evidence.trace is not None),
        ("jobs of other users", evidence.record.board_lock.held is not False),
    ):
        if not seen:
            yield name
