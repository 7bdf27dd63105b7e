"""Which runtime ran a network: one run may measure networks with two, in the same rounds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sis_agent.schema import Job, NetworkRecord
from sis_edge.bundles.identity import label

if TYPE_CHECKING:
    from sis_edge.results.schema import StoredRun


def runtime(job: Job, network: NetworkRecord) -> str:
    """The runtime of one record: its own, else what the job says of it, else the job's."""
    asked = {each.name: each.runner for each in job.networks}.get(network.name)
    return network.runner or asked or job.runner


def runtimes(job: Job) -> tuple[str, ...]:
    """All runtimes of a job, each once, the first first: speed-ups are over the reference on that one."""
    return tuple(dict.fromkeys(network.runner or job.runner for network in job.networks)) or (job.runner,)


def shown(job: Job, network: NetworkRecord) -> str:
    """A network's name as reports show it, with its runtime where the job has two; older records have other names."""
    of_several = runtime(job, network) if len(runtimes(job)) > 1 else None
    return label(network.network or network.name, network.form, network.precision, of_several)


def details(run: "StoredRun") -> dict[str, Mapping[str, Any]]:
    """What each runtime reported of itself, by its name."""
    own = run.record.runner_details
    others: Mapping[str, Mapping[str, Any]] = own.get("other_runners") or {}
    return {run.record.job.runner: own, **others}


def versions(run: "StoredRun") -> dict[str, str]:
    """The version of each runtime that reported one, by its name; else that of its package on the board."""
    packages, found = run.record.facts_before.packages, {}
    for name, reported in details(run).items():
        library = reported.get("library") or ("tensorrt" if name == "trtexec" else name)
        if isinstance(library, str) and (version := reported.get(library) or packages.get(library)):
            found[name] = str(version)
    return found
