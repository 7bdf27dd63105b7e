"""The commands that build the same bundle and measure it the same way."""

import shlex
from collections.abc import Mapping, Sequence

from sis_agent.schema import Job
from sis_edge.board import reach
from sis_edge.board.jobs import LENGTHS
from sis_edge.bundles.manifest import BY_USER, GivenNetwork, Manifest
from sis_edge.results.schema import StoredRun
from sis_edge.text.foreign import one_line

LEAST_TEST_IMAGES = 32
"""What `--test-images` takes at least; all test images where a user's own are fewer."""


def reproduce(run: StoredRun) -> tuple[str, str]:
    """`sis-edge build`, with the limit of images spelled out, then `bench` or `deploy`."""
    return _build(run), _measure(run)


def _build(run: StoredRun) -> str:
    entries = run.manifest.networks
    if run.manifest.given:
        return _make(run)
    own = [entry.name for entry in entries if entry.training.epochs is None]
    if own:
        return (
            f"# {', '.join(own)}: weights of a user's own; sis_edge.bundle() makes the bundle {run.manifest.name} again"
        )
    training = entries[0].training
    from_zoo = [entry for entry in entries if entry.training.zoo is not None]
    trained = {"--epochs": training.epochs, "--seed": training.seed, "--limit": training.train_images}
    data, flags = _data(run.manifest)
    options = {
        "--profile": run.manifest.profile,
        **data,
        "--networks": ",".join(entry.name for entry in entries),
        **({} if from_zoo else trained),
        "--test-images": max(LEAST_TEST_IMAGES, run.manifest.test_image_count or 0),
        "--name": run.manifest.name,
    }
    return _command("build", options, [*flags, *(["--from-zoo"] if len(from_zoo) == len(entries) else [])])


def _data(manifest: Manifest) -> tuple[dict[str, object], list[str]]:
    """The options and flags of the data set, or of a user's own images: by the name of their folder, not its path."""
    own, preprocess = manifest.own_images, manifest.preprocess
    if own is None:
        return {"--dataset": manifest.dataset}, []
    resize = None if preprocess is None else preprocess.resize
    options: dict[str, object] = {"--data": own.source_name}
    if resize is not None:
        options["--resize"] = f"{resize.height}x{resize.width}"
    if own.test_share is not None:
        options["--test-share"] = own.test_share
    flags = {"--skip-damaged": bool(own.skipped), "--flip": own.flip}
    return options | {"--split-seed": own.split_seed}, [name for name, is_given in flags.items() if is_given]


def _make(run: StoredRun) -> str:
    """The bundle of a user's networks: from the same files. Runs never hold where on a machine these lay."""
    manifest = run.manifest
    files = ", ".join(entry.source_name for entry in manifest.given)
    words = [word for entry in manifest.given for word in _given(entry)]
    if manifest.reference is not None:
        words += ["--reference", manifest.reference]
    words += ["--profile", manifest.profile, "--output", f"build/{manifest.name}"]
    command = shlex.join(["sis-edge", "bundle", "make", *words])
    return f"# in the folder of {one_line(files)}; the SHA-256 of each is under Provenance\n{command}"


def _given(entry: GivenNetwork) -> list[str]:
    """The options of one network; files of the user's other than the model are named after what they hold."""
    words = [f"--{entry.runtime}", f"{entry.name}={entry.source_name}"]
    for tensor in entry.input_tensors:
        if entry.inputs_are_random and tensor.shape:
            words += ["--shape", f"{entry.name}:{tensor.name}={'x'.join(map(str, tensor.shape))}"]
    files = {
        "--inputs": "inputs.npz" if not entry.inputs_are_random else None,
        "--expect": "expected.npz" if entry.expected_from == BY_USER else None,
        "--labels": "labels.npy" if entry.labels is not None else None,
    }
    return words + [
        word for option, file in files.items() if file is not None for word in (option, f"{entry.name}={file}")
    ]


def _measure(run: StoredRun) -> str:
    job = run.record.job
    here = "--host" not in reach.options(run.board)
    options = _board(run, here)
    if run.runtimes != ("onnxruntime",):
        options["--backend"] = ",".join(run.runtimes)
    names = dict.fromkeys(network.network or network.name for network in job.networks)
    if set(names) != set(run.manifest.names):
        options["--networks"] = ",".join(names)
    options |= {"--seed": job.seed, "--threads": job.threads, "--batch-size": job.batch_size}
    options["--processes"] = job.processes
    if job.target_ci is not None:
        options["--target-ci"] = f"{100 * job.target_ci:g}%"
    if job.cores:
        options["--cores"] = ",".join(map(str, job.cores))
    options |= _sustained(job)
    flags = ["--lock-clocks"] if job.lock_clocks else []
    length = _length(job)
    if length in ("strict", "quick"):
        flags.append(f"--{length}")
    return _command("bench" if here else "deploy", options, flags)


def _sustained(job: Job) -> dict[str, object]:
    """The options of sustained work and of rests."""
    rest, sustained = job.rest, job.sustained
    options: dict[str, object] = {}
    if sustained is not None:
        options["--sustain"] = f"{sustained.time_s:g}s"
        if sustained.rate_hz is not None:
            options["--rate"] = f"{sustained.rate_hz:g}"
    if rest is not None and rest.cool_to_c is not None:
        options["--cool-to"] = f"{rest.cool_to_c:g}"
    if rest is not None and rest.rest_s:
        options["--rest"] = f"{rest.rest_s:g}s"
    return options


def _board(run: StoredRun, here: bool) -> dict[str, object]:
    """The options that reach the board."""
    options: dict[str, object] = {**reach.options(run.board)}
    if options.get("--board") is None and run.profile != ("local" if here else run.manifest.profile):
        options["--profile"] = run.profile
    return options


def _length(job: Job) -> str | None:
    """The length of the command line that this job has, where it is neither the profile's nor unknown."""
    for name, (changes, _) in LENGTHS.items():
        given = {field: value for field, value in changes.items() if field != "processes"}  # it has an option
        if given and all(getattr(job, field) == value for field, value in given.items()):
            return name
    return None


def _command(name: str, options: Mapping[str, object], flags: Sequence[str] = ()) -> str:
    words = [word for option, given in options.items() for word in (option, str(given))]
    return shlex.join(["sis-edge", name, *words, *flags])
