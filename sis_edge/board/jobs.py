"""What a board is asked to measure: the bundle, the profile, and what the user wants otherwise, made into jobs.

A job has one number of threads and one batch size; a profile may list several, and then there is a job for each
combination.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sis_agent.schema import JOB_VERSION, Facts, Job, PowerRequest
from sis_edge.board.network_jobs import network_jobs
from sis_edge.board.sustained import SustainedOptions, added_limit_s, rest_request, sustained_request
from sis_edge.bundles.identity import PLAIN
from sis_edge.bundles.manifest import Manifest
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import UsageError, unknown
from sis_edge.profiles import DeviceProfile, Measuring, PowerSettings
from sis_edge.registries import BACKENDS


@dataclass(frozen=True)
class MeasuringOptions:
    """What a user may ask for beyond the profile.

    `length`: "profile" is what the profile says, "strict" what a published number deserves (MLPerf Mobile's 60 s and
    1,024 inferences), "quick" enough to see the whole line work: its verdict is never VALID but QUICK. `target_ci` (a
    share) stops early once every speed-up is known that well. `processes` replaces the profile's number of worker
    processes. `threads` and `batch_size` choose one of the profile's combinations, or any other. `external_meter`:
    energy blocks are run, and last long, for a meter beside the board that the agent cannot see. `runtimes` are
    measured in one job, every network with each of them; empty: the first of the profile's that the board has, alone.
    `trust`: the bundle's programs are run whoever made them (see `bundles.trust`). `sustained`: each network works for
    long when all else is measured, and the board rests before that and before the rounds.
    """

    length: str = "profile"
    target_ci: float | None = None
    cores: tuple[int, ...] = ()
    lock_clocks: bool = False
    threads: int | None = None
    batch_size: int | None = None
    external_meter: bool = False
    processes: int | None = None
    runtimes: tuple[str, ...] = ()
    trust: bool = False
    sustained: SustainedOptions = field(default_factory=SustainedOptions)


DEFAULT = MeasuringOptions()

METER_BLOCK_S = 6.0  # Many meters answer once a second, and an energy stands on four samples at least.

# What a length changes of the profile's [measuring] and [power].
LENGTHS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "profile": ({}, {}),
    "strict": ({"min_time_s": 60, "min_inferences": 1024, "memory_repeats": 5, "sampler_pairs": 100}, {"blocks": 10}),
    "quick": (
        {"min_time_s": 1, "min_inferences": 100, "memory_repeats": 1, "sampler_pairs": 10, "processes": 1},
        {"idle_s": 3, "block_s": 1, "blocks": 3},
    ),
}


def combinations(
    profile: DeviceProfile, options: MeasuringOptions = DEFAULT, manifest: Manifest | None = None
) -> list[MeasuringOptions]:
    """The options of each job: one for every number of threads and every batch size that is asked for.

    The batch of networks of the user's own is in their shapes; raises UsageError where another is asked for.
    """
    threads = [options.threads] if options.threads else profile.runtime.threads
    sizes = [options.batch_size] if options.batch_size else profile.runtime.batch_sizes
    if manifest is not None and not manifest.networks:
        if options.batch_size not in (None, 1):
            raise UsageError(
                f"--batch-size is {options.batch_size}, and the batch of a network of your own is in its shape: "
                f"make its bundle with --shape INPUT={options.batch_size}x..."
            )
        sizes = [1]
    return [replace(options, threads=count, batch_size=size) for count in threads for size in sizes]


def job_for(
    bundle: Bundle,
    profile: DeviceProfile,
    *,
    networks: Sequence[str] | None = None,
    seed: int = 0,
    options: MeasuringOptions = DEFAULT,
    runner: str | None = None,
    facts: Facts | None = None,
) -> Job:
    """The job that measures these networks of the bundle (None: all): the first of the combinations asked for.

    `runner` is the runtime that the board has; None is the profile's first.
    `options.runtimes` go before it. A network may be measured in variants,
    which depend on the versions in the board's `facts`.

    The dense network is the reference of the speed-ups. Raises UsageError for an unknown network or length, and for a
    precision that is no share.
    """
    manifest = bundle.manifest
    for name in networks or []:
        if name not in manifest.names:
            raise unknown("network in this bundle", name, manifest.names)
    first = combinations(profile, options, manifest)[0]
    measuring, power = _settings(profile, options)
    runners = list(options.runtimes) or [runner or profile.runtime.runners[0]]
    mode = profile.power_mode(measuring.power_mode or (facts.power_mode if facts else None))
    jobs = network_jobs(manifest, networks, profile, runners, facts)
    backends = [BACKENDS.find(name) for name in dict.fromkeys([*runners, *(job.runner or runners[0] for job in jobs)])]
    in_process = all(backend.rounds_in_process for backend in backends)
    reference = next((job.name for job in jobs if job.network == manifest.reference and job.form == PLAIN), None)
    _check_target(options.target_ci, reference)
    rest, sustained = rest_request(options.sustained), sustained_request(options.sustained)
    return Job(
        job_version=JOB_VERSION,
        bundle_id=bundle.id,
        networks=jobs,
        golden_inputs=manifest.golden_inputs,
        golden_tolerance=manifest.golden_tolerance or 0.0,  # given networks have their own
        preprocess=manifest.preprocess,
        test_images=manifest.test_images,
        test_labels=manifest.test_labels,
        runner=runners[0],
        threads=first.threads or 1,
        batch_size=first.batch_size or 1,
        rounds=measuring.rounds,
        inferences_per_round=measuring.inferences_per_round,
        warmup_s=measuring.warmup_s,
        time_limit_s=measuring.time_limit_s + added_limit_s(len(jobs), rest, sustained),
        seed=seed,
        min_inferences=measuring.min_inferences,
        min_time_s=measuring.min_time_s,
        target_ci=options.target_ci,
        reference=reference,
        cores=list(options.cores),
        memory_repeats=measuring.memory_repeats,
        power=_power_request(power, options),
        lock_clocks=options.lock_clocks,
        expected_power_mode=measuring.power_mode,
        expected_cpu_hz=measuring.cpu_hz or (mode.cpu_hz if mode else None),
        expected_gpu_hz=mode.gpu_hz if mode else None,
        sampler_pairs=measuring.sampler_pairs if in_process else 0,
        on_gpu=any(backend.on_gpu for backend in backends),
        processes=(options.processes or measuring.processes) if in_process else 1,
        quick=options.length == "quick",
        rest=rest,
        sustained=sustained,
    )


def _check_target(target_ci: float | None, reference: str | None) -> None:
    if target_ci is None:
        return
    if not 0 < target_ci < 1:
        raise UsageError(f"a precision of {target_ci} cannot be reached; give a share such as 1%")
    if reference is None:
        raise UsageError("a precision is that of a speed-up, and the dense network is not measured; add it")


def _settings(profile: DeviceProfile, options: MeasuringOptions) -> tuple[Measuring, PowerSettings]:
    if options.length not in LENGTHS:
        raise unknown("length of a measuring", options.length, list(LENGTHS))
    measuring, power = LENGTHS[options.length]
    if "block_s" in power and "block_s" in profile.power.model_fields_set:
        # A profile that names a length does so for its sensor, which needs as much in an idle window.
        needed_s = max(power["block_s"], profile.power.block_s)
        power = power | {"block_s": needed_s, "idle_s": max(power["idle_s"], needed_s)}
    return profile.measuring.model_copy(update=measuring), profile.power.model_copy(update=power)


def _power_request(power: PowerSettings, options: MeasuringOptions) -> PowerRequest:
    request = power.request()
    if not options.external_meter:
        return request
    return request._replace(
        external_meter=True,
        block_s=max(request.block_s, METER_BLOCK_S),
        idle_s=max(request.idle_s, METER_BLOCK_S),
    )
