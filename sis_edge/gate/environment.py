"""What two runs were measured on and with, and whether a difference between them makes a comparison meaningless."""

from dataclasses import dataclass

from sis_agent.schema import Facts, Job
from sis_edge.results.runtimes import runtimes


@dataclass(frozen=True)
class Difference:
    """Something that the reference and the candidate do not share; None is not known. `hinders`: not comparable."""

    what: str
    reference: str | None
    candidate: str | None
    hinders: bool

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.what}: {self.reference or 'unknown'} in the reference, {self.candidate or 'unknown'} now"


def differences(reference: tuple[Facts, Job], candidate: tuple[Facts, Job]) -> tuple[Difference, ...]:
    """All that is not alike, what hinders a comparison first.

    The board, its clocks and power mode, the runtime and how a job runs it decide a latency as much as the network
    does. The operating system and other packages may; that is said and not refused, as is what only one of them knows.
    """
    before, after = _deciding(*reference), _deciding(*candidate)
    found = [
        Difference(what, before[what], after[what], None not in (before[what], after[what]))
        for what in before
        if before[what] != after[what]
    ]
    others = _others(*reference), _others(*candidate)
    found += [
        Difference(what, others[0].get(what), others[1].get(what), hinders=False)
        for what in dict.fromkeys([*others[0], *others[1]])
        if others[0].get(what) != others[1].get(what)
    ]
    return tuple(sorted(found, key=lambda difference: not difference.hinders))


def _deciding(facts: Facts, job: Job) -> dict[str, str | None]:
    """What a latency is decided by besides the network."""
    used = runtimes(job)
    versions = [f"{name} {version}" if (version := facts.packages.get(name)) else name for name in used]
    return {
        "kind of board": "emulated" if facts.emulated else "simulated" if facts.simulated else "real",
        "board": facts.model,
        "architecture": facts.machine,
        "processor": facts.cpu_model,
        "cores": _count(facts.cpu_count),
        "power mode": facts.power_mode,
        "governor": facts.governor,
        "JetPack (L4T)": facts.l4t,
        "runtime": ", ".join(versions),
        "threads": str(job.threads),
        "batch size": str(job.batch_size),
        "pinned cores": ",".join(map(str, job.cores)) or "none",
        "locked clocks": "asked for" if job.lock_clocks else "not asked for",
    }


def _others(facts: Facts, job: Job) -> dict[str, str | None]:
    """What may matter."""
    used = runtimes(job)
    packages = {f"package {name}": version for name, version in facts.packages.items() if name not in used}
    return {
        "kernel": facts.kernel,
        "operating system": facts.os_name,
        "C library": facts.glibc,
        "Python": facts.python,
        "host name": facts.hostname,
        "virtual machine": facts.virtual,
        "container": facts.container,
        "processes": str(job.processes),
        **packages,
    }


def _count(number: int | None) -> str | None:
    return None if number is None else str(number)
