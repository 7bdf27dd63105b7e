"""How long a job will take, from what it asks for: said before it begins, so that nobody waits for the wrong bundle."""

from sis_agent.schema import Facts, Job
from sis_edge.board import sustained
from sis_edge.bundles.verify import Bundle

# What a job needs beside the times that it asks for, measured on two x86-64 cores with the networks of the paper.
START_S = 1.5
"""A fresh process with one network: its start, the load, the first inference, memory."""
TURN_S = 0.1
"""A turn whose length is the agent's choice (`sis_agent.measure.stopping`)."""
SETTLE_S = 6.0
"""Before and after the energy blocks, beside the rest that the job asks for."""


def expected_s(job: Job, facts: Facts) -> float:
    """Seconds that a job takes where each network is fast enough for its inferences; slower ones take longer."""
    count = len(job.networks)
    isolated_s = count * START_S * max(1, job.memory_repeats)
    warm_s = max(1, job.processes) * count * (job.warmup_s + START_S / 3)
    rounds_s = count * max(job.min_time_s, job.rounds * TURN_S)
    sampler_s = 2 * job.sampler_pairs * TURN_S
    found_s = isolated_s + warm_s + rounds_s + sampler_s + _energy_s(job, facts) + sustained.expected_s(job)
    return min(found_s, job.time_limit_s)


def announcement(bundle: Bundle, job: Job, facts: Facts, name: str) -> str:
    """What is about to be measured on the board of that name, and for how long."""
    count, networks = len(job.networks), len({network.network or network.name for network in job.networks})
    forms = "" if count == networks else f" in {count} forms"
    most, expected = "at most " if job.target_ci is not None else "", _words(expected_s(job, facts))
    return (
        f"bundle {bundle.path}: measuring {_plural(networks, 'network')}{forms} on {name} with {_runtimes(job)}, "
        f"{_plural(job.threads, 'thread')}, batch {job.batch_size}; expected: {most}about {expected}"
    )


def _runtimes(job: Job) -> str:
    return " and ".join(dict.fromkeys(network.runner or job.runner for network in job.networks)) or job.runner


def _energy_s(job: Job, facts: Facts) -> float:
    power = job.power
    has_sensor = "available" in facts.power_sources.values()
    if power is None or not (has_sensor or power.external_meter):
        return 0.0
    rest_s = 2 * power.idle_s + SETTLE_S if power.idle_s else 0.0
    return rest_s + power.blocks * power.block_s * len(job.networks)


def _words(seconds: float) -> str:
    """Rounded as far as it can be known.

    >>> _words(41), _words(170), _words(5000)
    ('45 s', '3 min', '1 h 25 min')
    """
    if seconds < 90:
        return f"{5 * max(1, -(-int(seconds) // 5))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h" + (f" {rest} min" if rest else "")


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
