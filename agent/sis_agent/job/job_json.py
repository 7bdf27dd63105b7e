"""A job from its JSON, every field checked before anything is started."""

from typing import Any, Dict, List, Tuple

from sis_agent.schema import (
    JOB_VERSION,
    Job,
    NetworkJob,
    PowerRequest,
    Preprocess,
    Resize,
    RestRequest,
    SustainedRequest,
)


def job_from_json(data: Dict[str, Any]) -> Job:
    """A Job from parsed JSON; raises ValueError that names the first wrong field."""
    if not isinstance(data, dict):
        raise ValueError("it is not an object")
    if data.get("job_version") != JOB_VERSION:
        raise ValueError("job_version is {!r}, this agent reads {}".format(data.get("job_version"), JOB_VERSION))
    try:
        fields = dict(data)
        fields["networks"] = [_network(network) for network in data["networks"]]
        if data.get("preprocess") is not None:
            fields["preprocess"] = _preprocess(data["preprocess"])
        if data.get("power") is not None:
            fields["power"] = PowerRequest(**data["power"])
        if data.get("rest") is not None:
            fields["rest"] = RestRequest(**data["rest"])
        if data.get("sustained") is not None:
            fields["sustained"] = SustainedRequest(**data["sustained"])
        job = Job(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("the job does not fit: {}".format(error))
    for name in ("bundle_id", "runner"):
        if not isinstance(getattr(job, name), str):
            raise ValueError("{} is {!r}, and must be a name".format(name, getattr(job, name)))
    if not isinstance(job.cores, list):
        raise ValueError("cores is {!r}, and must be a list".format(job.cores))
    if not job.networks:
        raise ValueError("the job names no network")
    for name, value in _numbers(job):
        if not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise ValueError("{} is {!r}, and must be a number from 0 on".format(name, value))
    for name, value in _positive(job):
        if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise ValueError("{} is {!r}, and must be a number above 0".format(name, value))
    names = [network.name for network in job.networks]
    if len(set(names)) < len(names):
        raise ValueError("the job names a network twice: {}".format(", ".join(names)))
    for network in job.networks:
        _check_network(job, network)
    for name, value, least in _counts(job):
        if not isinstance(value, int) or value < least:
            raise ValueError("{} is {!r}, and must be a whole number from {} on".format(name, value, least))
    if job.reference is not None and job.reference not in names:
        raise ValueError("the reference '{}' is none of the job's networks".format(job.reference))
    if job.target_ci is not None:
        if not isinstance(job.target_ci, (int, float)) or not 0 < job.target_ci < 1:
            raise ValueError("target_ci is {!r}, and must be a share between 0 and 1".format(job.target_ci))
        if job.reference is None:
            raise ValueError("target_ci needs a reference: the network that the speed-ups are over")
    return job


def _check_network(job: Job, network: NetworkJob) -> None:
    """A network has its own tensors, or takes the job's images; raises ValueError that says what is missing."""
    if network.inputs is not None:
        return
    for name in ("expected", "labels"):
        if getattr(network, name) is not None:
            raise ValueError("{} of {} needs inputs: the tensors that it belongs to".format(name, network.name))
    for name, value in (
        ("golden_logits of " + network.name, network.golden_logits),
        ("golden_inputs", job.golden_inputs),
        ("preprocess", job.preprocess),
    ):
        if value is None:
            raise ValueError("{} is missing, and {} has no inputs of its own".format(name, network.name))


def _network(data: Dict[str, Any]) -> NetworkJob:
    """A network whose names and files are texts; raises TypeError for another."""
    network = NetworkJob(**data)
    for name in ("name", "model", "form", "precision"):
        if not isinstance(getattr(network, name), str):
            raise TypeError("{} of a network is {!r}".format(name, getattr(network, name)))
    for name in ("golden_logits", "network", "granularity", "inputs", "expected", "labels", "runner"):
        if not isinstance(getattr(network, name), (str, type(None))):
            raise TypeError("{} of {} is {!r}".format(name, network.name, getattr(network, name)))
    for name in ("options", "files"):
        if not isinstance(getattr(network, name), dict):
            raise TypeError("{} of {} are {!r}".format(name, network.name, getattr(network, name)))
    return network


def _preprocess(data: Dict[str, Any]) -> Preprocess:
    resize = data.get("resize")
    return Preprocess(**dict(data, resize=None if resize is None else Resize(**resize)))


def _numbers(job: Job) -> List[Tuple[str, Any]]:
    """What must be a number from 0 on, by its name for the user."""
    numbers = [(name, getattr(job, name)) for name in ("golden_tolerance", "warmup_s", "time_limit_s", "min_time_s")]
    numbers += [
        ("golden_tolerance of " + network.name, network.golden_tolerance)
        for network in job.networks
        if network.golden_tolerance is not None
    ]
    numbers += [
        ("golden_relative_tolerance of " + network.name, network.golden_relative_tolerance) for network in job.networks
    ]
    if job.power is not None:
        numbers += [("power.idle_s", job.power.idle_s), ("power.block_s", job.power.block_s)]
    if job.rest is not None:
        numbers += [("rest.rest_s", job.rest.rest_s), ("rest.limit_s", job.rest.limit_s)]
        numbers += [("rest.cool_to_c", job.rest.cool_to_c)] if job.rest.cool_to_c is not None else []
    return numbers


def _positive(job: Job) -> List[Tuple[str, Any]]:
    """What must be a number above 0, by its name for the user."""
    if job.sustained is None:
        return []
    fields = job.sustained._asdict()
    return [("sustained." + name, value) for name, value in fields.items() if name != "rate_hz" or value is not None]


def _counts(job: Job) -> List[Tuple[str, Any, int]]:
    """What must be a whole number, by its name for the user, and the least that it may be."""
    counts = [
        (name, getattr(job, name), 1) for name in ("threads", "batch_size", "rounds", "memory_repeats", "processes")
    ]
    counts += [(name, getattr(job, name), 0) for name in ("inferences_per_round", "min_inferences", "sampler_pairs")]
    counts += [("a core", core, 0) for core in job.cores]
    if job.power is not None:
        counts.append(("power.blocks", job.power.blocks, 1))
    return counts
