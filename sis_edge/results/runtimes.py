"""Which runtime ran a network: one run may measure networks with two, in the same rounds."""

from sis_agent.schema import Job, NetworkRecord
from sis_edge.bundles.identity import label


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
