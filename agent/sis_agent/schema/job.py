"""What the host asks of the agent: a job."""

from typing import Any, Dict, List, NamedTuple, Optional

from sis_agent.schema.sustained import RestRequest, SustainedRequest


class Resize(NamedTuple):
    """How an image of any size becomes one of `height` x `width` pixels.

    `method` "fit-bilinear": turned as its EXIF orientation says; the largest centred part of the aspect ratio; scaled
    with the bilinear filter and antialiasing (Pillow's ImageOps.fit with Image.Resampling.BILINEAR).
    """

    height: int
    width: int
    method: str = "fit-bilinear"


class Preprocess(NamedTuple):
    """How a uint8 image becomes the network's input: (pixel / 255 - mean) / std, for each channel.

    `resize` comes first where images of other sizes were resized for training; None where they were taken as they are.
    The agent measures images that are resized already.
    """

    mean: List[float]
    std: List[float]
    resize: Optional[Resize] = None


class NetworkJob(NamedTuple):
    """One thing to measure: a form of a network as one file; paths are relative to the bundle's folder.

    `network` is the bundle's name of the network (None: the same as `name`); a network can be measured in several
    forms, which `form` (plain, native, sparse24) and `precision` tell apart. `name` is unique in the job, for people.
    `granularity` is the unit that exists or not in convolutional layers. `options` go to the runner, which documents
    them; those whose value is a file of the bundle are in `files`. `golden_tolerance` replaces the job's: half floats
    and INT8 do not agree with the reference as float32 does.

    A network of the user's own takes tensors as they are: `inputs` is an .npz with one array for each input of the
    network, by name, of the shapes and types that it is run with. The job's batch size, golden inputs, test images and
    preprocessing are then not its; more rows than the network can take are run in pieces, and the first is timed.
    `expected` is an .npz with outputs by name that the network must give, None where nothing is known of them; they may
    differ by `golden_tolerance` and by the share `golden_relative_tolerance` of the expected value. `labels` is an .npy
    of classes, one for each row of `inputs`, for accuracy by the first output. `runner` is its runtime where that is
    another than the job's: one job can measure a network with two.
    """

    name: str
    model: str
    golden_logits: Optional[str] = None
    network: Optional[str] = None
    options: Dict[str, Any] = {}
    golden_tolerance: Optional[float] = None
    files: Dict[str, str] = {}
    form: str = "plain"
    precision: str = "fp32"
    granularity: Optional[str] = None
    inputs: Optional[str] = None
    expected: Optional[str] = None
    golden_relative_tolerance: float = 0.0
    labels: Optional[str] = None
    runner: Optional[str] = None


class PowerRequest(NamedTuple):
    """Which sensors may be read, and the profile's rule for the total; rails are named as the board names them.

    `sources` lists the kinds that may be used, best first (see `power/`); empty: whatever the agent finds. The sum of
    `total_rails` is the total, and `scope` says what that total covers (module, carrier, package, wall ...). Without a
    rule the rails are recorded and no total is claimed. `external_meter`: rests and energy blocks are run for a meter
    that the agent cannot see, whether or not the board has a sensor. `floor_w` and `max_w` are the least and the most
    that the board can draw by its profile, `gain_error` the share by which its sensor may be off: None is unknown.
    """

    sources: List[str] = []
    total_rails: List[str] = []
    scope: Optional[str] = None
    idle_s: float = 10.0
    block_s: float = 2.0
    blocks: int = 5
    external_meter: bool = False
    floor_w: Optional[float] = None
    max_w: Optional[float] = None
    gain_error: Optional[float] = None


class Job(NamedTuple):
    """A measuring job: which networks of which bundle, with which settings, and how long.

    The rounds go on until there are `rounds` of them, every network has `min_inferences` and has run `min_time_s`;
    with `target_ci` (a share, 0.01 is 1%) they stop as soon as every speed-up over `reference` is known that well,
    after `rounds`. `inferences_per_round` 0 leaves a turn's length to the agent (see `length.py`), which records it in
    `runner_details`. After them come `sampler_pairs` pairs of turns, with the sampler and without. `cores` pins the
    worker. `power` None: no sensor is read. `lock_clocks` asks for fixed clocks for the length of the job.
    `expected_power_mode` and the clocks of that mode are the profile's; they are recorded for the verdict, as is
    `on_gpu`, whether the runner computes on a GPU. The rounds are spread over `processes` fresh worker processes.
    `quick` marks a run that is too short for its numbers to be defended. `rest` comes before the rounds and before each
    run of `sustained`, which follows when all else is measured; None: neither is asked for.
    """

    job_version: int
    bundle_id: str
    networks: List[NetworkJob]
    golden_inputs: Optional[str]
    golden_tolerance: float
    preprocess: Optional[Preprocess]
    test_images: Optional[str] = None
    test_labels: Optional[str] = None
    runner: str = "onnxruntime"
    threads: int = 1
    batch_size: int = 1
    rounds: int = 30
    inferences_per_round: int = 10
    warmup_s: float = 0.5
    time_limit_s: float = 3600.0
    seed: int = 0
    min_inferences: int = 0
    min_time_s: float = 0.0
    target_ci: Optional[float] = None
    reference: Optional[str] = None
    cores: List[int] = []
    memory_repeats: int = 1
    power: Optional[PowerRequest] = None
    lock_clocks: bool = False
    expected_power_mode: Optional[str] = None
    expected_cpu_hz: Optional[float] = None
    expected_gpu_hz: Optional[float] = None
    sampler_pairs: int = 0
    on_gpu: bool = False
    processes: int = 1
    quick: bool = False
    rest: Optional[RestRequest] = None
    sustained: Optional[SustainedRequest] = None
