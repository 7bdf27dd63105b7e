"""Another package adds a granularity, a CPU runtime, a data set and a power sensor, each in two small files at most.

They are installed as pip would do it, and used as a user does: by the command line, in processes of their own.
"""

import json
import re
from pathlib import Path

import pytest
from command import sis_edge, sis_edge_here
from outside import write_distribution

from sis_edge.bundles.verify import open_bundle
from sis_edge.results import store
from sis_edge.results.timed_calls import NOT_DECLARED, timed_calls

FILES = {
    "rows_of_kernels.py": '''
"""The unit is a row of a kernel."""

import numpy as np

from sis_edge.formation.granularities.base import Granularity


class Row(Granularity):
    name = "row"

    def grid(self, layer):
        return layer.weight_shape[:3]

    def expand(self, chosen, layer):
        return np.repeat(chosen[..., None], layer.kernel, axis=3)

    def row_sizes(self, layer, rows):
        return np.full(rows, layer.kernel)
''',
    "evaluator.py": '''
"""ONNX's own reference evaluator as a runtime: what the host knows of it."""

from sis_edge.backends.base import Backend, BackendSettings, network_job
from sis_edge.bundles.identity import PLAIN


class EvaluatorSettings(BackendSettings):
    computes = ("fp32",)
    verbose: int = 0


class Evaluator(Backend):
    name = table = "evaluator"
    title = "ONNX reference evaluator"
    settings = EvaluatorSettings

    def jobs(self, entry, target):
        options = {"verbose": target.settings.verbose}
        return [network_job(entry, PLAIN, "fp32", entry.model, entry.golden_logits, options=options)]


BACKEND = Evaluator()
''',
    "evaluator_on_board.py": '''
"""ONNX's own reference evaluator as a runtime: what runs on the board."""

import importlib.util

from sis_agent.runners.base import Runner, Session, known_options


def missing():
    return None if importlib.util.find_spec("onnx") else "onnx is not installed"


def make(threads, batch_size):
    return EvaluatorRunner()


class EvaluatorSession(Session):
    def __init__(self, evaluator):
        self._evaluator = evaluator

    def infer(self, images):
        return self._evaluator.run(["logits"], {"input": images})[0]

    def step(self, batch):
        return lambda: self._evaluator.run(["logits"], {"input": batch})


class EvaluatorRunner(Runner):
    def details(self):
        import onnx

        return {"runner": "evaluator", "onnx": onnx.__version__}

    def load(self, model_path, options):
        from onnx.reference import ReferenceEvaluator

        known_options(options, ["verbose"])
        return EvaluatorSession(ReferenceEvaluator(model_path, verbose=options["verbose"]))
''',
    "squares.py": '''
"""Squares at ten places, in noise."""

import numpy as np

from sis_edge.datasets.base import Dataset, ImageSet


def load(places):
    return Dataset.of(
        "squares",
        images(320, 0),
        images(80, 1),
        classes=tuple("place %d" % place for place in range(10)),
        flip=False,
        source="drawn when they are loaded",
    )


def images(count, seed):
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    pixels = draw.integers(0, 100, (count, 3, 32, 32), dtype=np.uint8)
    for image, label in zip(pixels, labels):
        image[:, 3 * label : 3 * label + 5] = 255
    return ImageSet(pixels, labels.astype(np.int64))
''',
    "desk_meter.py": '''
"""A meter that says 4 W and 5 W in turns."""

from sis_agent.power.base import Source


class Meter(Source):
    power_w = 4.0

    def read(self):
        self.power_w = 9.0 - self.power_w
        return {"DESK": self.power_w}


def open_source(tree, commands):
    return Meter(["DESK"], [], 0.02)
''',
}

ENTRY_POINTS = {
    "sis_edge.granularities": {"row": "rows_of_kernels:Row"},
    "sis_edge.backends": {"evaluator": "evaluator:BACKEND"},
    "sis_agent.runners": {"evaluator": "evaluator_on_board"},
    "sis_edge.datasets": {"squares": "squares:load"},
    "sis_agent.power": {"desk-meter": "desk_meter"},
}

PROFILE = """name = "mine"
title = "a desk"

[board]
model = "any computer"
architecture = "any"
cpu = "whatever is here"
system = "Linux"
verified = true

[runtime]
runners = ["evaluator"]
threads = 1

[networks]
conv = "row"

[evaluator]
precisions = ["fp32"]

[measuring]
rounds = 4
inferences_per_round = 2
min_inferences = 0
min_time_s = 0
memory_repeats = 1
processes = 1
sampler_pairs = 2
warmup_s = 0.01
time_limit_s = 1200

[power]
sources = ["desk-meter"]
total_rails = ["DESK"]
scope = "the desk"
idle_s = 1
block_s = 1
blocks = 2
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user who has installed the package, with a profile of his own."""
    folder = tmp_path_factory.mktemp("outside")
    write_distribution(folder / "packages", FILES, ENTRY_POINTS)
    (folder / "mine.toml").write_text(PROFILE)
    return folder


def said(place: Path, *words: str) -> str:
    """What a command prints where the package is installed."""
    own = {"PYTHONPATH": str(place / "packages"), "XDG_DATA_HOME": str(place / "data")}
    done = sis_edge(*words, cwd=place, **own, PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_takes_two_small_files_at_most() -> None:
    """The runtime has one for the host and one for the board, the others one."""
    assert sum(len(points) for points in ENTRY_POINTS.values()) == len(FILES) == 5
    assert max(len(text.splitlines()) for text in FILES.values()) < 50


def test_without_the_package_none_of_the_names_is_known(place: Path) -> None:
    done = sis_edge("profiles", "check", "mine.toml", cwd=place)
    assert done.returncode == 2
    for sentence in ("unknown runtime 'evaluator'", "unknown granularity 'row'", "unknown power source 'desk-meter'"):
        assert sentence in " ".join(done.stderr.split())
    done = sis_edge("datasets", "fetch", "squares", cwd=place)
    assert "unknown data set 'squares'" in done.stderr


def test_form_takes_the_granularity_and_help_names_it(place: Path) -> None:
    listed = " ".join(said(place, "form", "--help").split())
    assert re.search(r"kernel, neuron, block, nm, synapse,[ │]*row", listed)
    whole = json.loads(said(place, "form", "--t-c", "1", "--json"))
    formed = json.loads(said(place, "form", "--t-c", "0.25", "--conv", "row", "--output", "rows.npz", "--json"))
    of, among = formed["conv_synapses"], whole["conv_synapses"]
    assert of / among == pytest.approx(0.25, rel=0.01)


def test_profiles_check_takes_the_profile(place: Path) -> None:
    assert said(place, "profiles", "check", "mine.toml").startswith("mine.toml: sound")


@pytest.mark.slow
def test_build_and_bench_take_all_four(place: Path) -> None:
    words = ("--epochs", "1", "--limit", "64", "--test-images", "40", "--precision", "fp32")
    said(place, "form", "--t-c", "0.05", "--t-p", "0.1", "--conv", "row", "--output", "small.npz")
    said(place, "build", "--profile", "mine.toml", "--dataset", "squares", "--networks", "small.npz", *words)
    bundle = open_bundle(place / "build/mine-squares")
    (network,) = bundle.manifest.networks
    assert (bundle.manifest.dataset, network.granularity.conv) == ("squares", "row")

    shown = said(place, "bench", "--profile", "mine.toml")
    assert "evaluator" in shown
    assert "the desk" in shown
    (run,) = store.load_all(place / "runs").runs
    (measured,) = run.record.networks
    assert measured.problem is None
    assert (run.record.job.runner, measured.granularity) == ("evaluator", "row")
    assert run.record.runner_details["runner"] == "evaluator"
    assert measured.golden is not None
    assert measured.golden.passed
    assert run.record.power is not None
    assert (run.record.power.status, run.record.power.total_rails) == ("measured", ["DESK"])


@pytest.mark.slow
def test_two_runtimes_measure_the_same_network_in_the_same_rounds(place: Path) -> None:
    """After the test above: a real run; the package's runner does not declare what stands in its timed call."""
    (place / "two.toml").write_text(PROFILE.replace('["evaluator"]', '["evaluator", "onnxruntime"]'))
    own = ("--profile", "two.toml", "--backend", "onnxruntime,evaluator", "--runs-dir", "two")
    said(place, "bench", *own)
    (run,) = store.load_all(place / "two").runs
    first, second = run.record.networks
    assert [(each.name, each.runner) for each in (first, second)] == [
        ("small (onnxruntime)", "onnxruntime"),
        ("small (evaluator)", "evaluator"),
    ]
    assert [turn.round for turn in first.rounds] == [turn.round for turn in second.rounds] == list(range(4))
    assert {turn.position for turn in first.rounds + second.rounds} == {0, 1}
    assert all(each.golden is not None and each.golden.passed for each in (first, second))
    ort, evaluator = timed_calls(run)
    assert (ort.call.value, evaluator.call.reason) == ("InferenceSession.run", NOT_DECLARED)
    assert ort.parts["preprocessing"].value is not None
    assert ort.parts["preprocessing"].value.where == "outside"
    assert run.record.runner_details["other_runners"]["evaluator"]["runner"] == "evaluator"


@pytest.mark.slow
def test_without_the_package_the_run_can_still_be_read(place: Path) -> None:
    """After the test above: reports need none of what measured."""
    done = sis_edge_here("report", cwd=place)
    assert done.returncode == 0, done.stderr
    (page,) = place.glob("reports/**/report.md")
    assert "evaluator" in page.read_text(encoding="utf-8")
