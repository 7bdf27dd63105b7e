"""A board that boots, reached over SSH: an arm64 Debian under qemu-system, whole with its kernel, disk and power plug.

Minutes, for `make booted-board`: correctness on the real architecture and after real accidents, no speed.
"""

import gzip
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command import sis_edge_here
from tiny_build import plan_in

from booted import image as parts
from booted.machine import Machine, running, skip_or_fail
from sis_agent.schema import Record
from sis_edge import profiles
from sis_edge.board.deploy import deploy
from sis_edge.board.events import Event
from sis_edge.board.jobs_on_board import collect, jobs, resume, session
from sis_edge.build import pipeline
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import SisEdgeError
from sis_edge.profiles import DeviceProfile

pytestmark = [pytest.mark.booted, pytest.mark.timeout(2400)]

SHORT = """[measuring]
rounds = 5
min_inferences = 5
min_time_s = 0
inferences_per_round = 1
memory_repeats = 1
sampler_pairs = 0
processes = 1
warmup_s = 0.1
time_limit_s = 1200

"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kernel and disk, made now; SIS_EDGE_BOOTED_IMAGE names a folder that keeps them for the next time."""
    skip_or_fail()
    kept = os.environ.get("SIS_EDGE_BOOTED_IMAGE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("image")
    if not (folder / "disk.img").exists():
        folder.mkdir(parents=True, exist_ok=True)
        parts.make(folder)
    return folder


@pytest.fixture(scope="module")
def machine(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The board that all tests share, so that wheels are brought to it once."""
    disk = tmp_path_factory.mktemp("disk") / "disk.img"
    subprocess.run(["cp", "--sparse=always", str(image / "disk.img"), str(disk)], check=True)
    with running(Machine(image, disk)) as machine:
        yield machine


@pytest.fixture(scope="module")
def profile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = profiles.find("aarch64").read_text(encoding="utf-8")
    for pattern, new in (
        (r"\[measuring\]\n[^\[]*", SHORT),
        (r"threads = .*", "threads = 1"),
        (r"precisions = .*", 'precisions = ["fp32"]'),
        (r"cache = true", "cache = false"),
    ):
        text, count = re.subn(pattern, new, text)
        assert count == 1, pattern
    path = tmp_path_factory.mktemp("profile") / "booted.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, profile_file: Path) -> Bundle:
    """A small network with native kernels for ARM beside its plain form."""
    folder = tmp_path_factory.mktemp("build") / "build"
    return pipeline.build(plan_in(folder, profile=profiles.load(str(profile_file)))).bundle


def of_rounds(profile_file: Path, rounds: int) -> DeviceProfile:
    """The profile with a job of so many rounds."""
    known = profiles.load(str(profile_file))
    return known.model_copy(update={"measuring": known.measuring.model_copy(update={"rounds": rounds})})


def test_it_is_seen_as_what_it_is(machine: Machine, profile_file: Path, tmp_path: Path) -> None:
    detected = sis_edge_here("profiles", "detect", "--json", *machine.options, cwd=tmp_path)
    assert json.loads(detected.stdout)["profile"] == "aarch64", detected.stderr
    done = sis_edge_here("doctor", "--json", "--profile", str(profile_file), *machine.options, cwd=tmp_path)
    found = {each["name"]: each for each in json.loads(done.stdout)["boards"][0]["findings"]}
    assert (found["connection"]["level"], found["Python"]["level"], found["agent"]["level"]) == ("ok", "ok", "ok")
    assert "emulated (QEMU emulates its processor, arm,cortex-a57" in found["hardware"]["said"]
    assert "linux,dummy-virt" in found["hardware"]["said"]
    assert (done.returncode, found["runtimes"]["level"]) == (8, "error")
    assert "--provision" in found["runtimes"]["fix"]
    assert found["NCHWc"]["level"] == "not checked"


def test_neon_kernels_are_measured_and_no_speed_is_claimed(
    machine: Machine, bundle: Bundle, profile_file: Path, tmp_path: Path
) -> None:
    done = sis_edge_here(
        *("deploy", "--bundle", str(bundle.path), "--provision", "--profile", str(profile_file), *machine.options),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "is emulated (QEMU emulates its processor, arm,cortex-a57" in done.stderr
    (stored,) = (tmp_path / "runs").glob("*.json.gz")
    record = json.loads(gzip.decompress(stored.read_bytes()))["record"]
    facts = record["facts_before"]
    assert (facts["machine"], facts["emulated"], facts["simulated"]) == ("aarch64", True, False)
    assert facts["cpu_model"] == "Cortex-A57"
    assert {network["form"] for network in record["networks"]} == {"plain", "native"}
    for network in record["networks"]:
        assert network["problem"] is None
        assert network["golden"]["passed"]
        assert len(network["rounds"]) >= 5
    assert "NO VERDICT" in done.stdout
    assert sis_edge_here("report", cwd=tmp_path).returncode == 0
    (results,) = (tmp_path / "reports").glob("*/results.json")
    (run,) = json.loads(results.read_text())["runs"]
    assert (run["mark"], run["verdict"]["level"]) == ("emulated", "NONE")
    assert all(row["speed_up"] is None and row["energy_net_j"] is None for row in run["networks"])
    page = results.with_name("index.html").read_text(encoding="utf-8")
    assert "QEMU emulates its processor" in page


def at_rounds(act: Callable[[], None]) -> Callable[[Event], None]:
    """Do something once, in mid-job: at the third sign of progress in the rounds."""
    seen = 0

    def on_event(event: Event) -> None:
        nonlocal seen
        if event.stage == "measure" and event.detail.get("phase") == "rounds":
            seen += 1
            if seen == 3:
                act()

    return on_event


def test_a_link_that_is_pulled_in_mid_job_costs_only_its_time(
    machine: Machine, bundle: Bundle, profile_file: Path
) -> None:
    rounds = 60
    pulled = []

    def pull() -> None:
        machine.link(up=False)
        pulled.append(time.monotonic())
        threading.Timer(30.0, lambda: machine.link(up=True)).start()

    links: list[str] = []

    def on_event(event: Event) -> None:
        pulling(event)
        if event.stage == "link":
            links.append(event.message)

    pulling = at_rounds(pull)
    with closing(machine.transport()) as transport:
        record = deploy(bundle, transport, of_rounds(profile_file, rounds), on_event=on_event)
    assert pulled
    assert links
    assert record.problem is None
    assert all(len(network.rounds) >= rounds for network in record.networks)


def test_a_power_cut_in_mid_job_loses_no_round(machine: Machine, bundle: Bundle, profile_file: Path) -> None:
    """After the next start the job is known as lost, with a record of its rounds, and goes on with those it lacks."""

    class CutError(Exception):
        pass

    def cut() -> None:
        machine.cut_power()
        raise CutError

    rounds = 60
    with closing(machine.transport()) as transport, pytest.raises(CutError):
        deploy(bundle, transport, of_rounds(profile_file, rounds), job_id="cut-short", on_event=at_rounds(cut))
    machine.switch_on()
    with closing(machine.transport()) as transport:
        at = session(transport, profiles.load(str(profile_file)))
        (job,) = jobs(at, "cut-short").jobs
        assert (job.state, job.problem and job.problem["code"]) == ("failed", "job-lost")
        resume(at, "cut-short")
        record = collect(at, "cut-short")
    assert record.problem is None
    (interruption,) = record.interruptions
    assert interruption.boot_changed
    assert interruption.rounds > 0
    for network in record.networks:
        assert network.golden is not None
        assert network.golden.passed
        assert [one.round for one in network.rounds] == list(range(len(network.rounds)))
        assert len(network.rounds) >= rounds


def test_little_memory_is_a_sentence(image: Path, machine: Machine, bundle: Bundle, profile_file: Path) -> None:
    """The same disk in a board of 160 MB: an answer that names memory or a worker's end, and no hang."""
    machine.cut_power()
    with running(Machine(image, machine.disk, memory_mb=160)) as small, closing(small.transport()) as transport:
        found = outcome(lambda: deploy(bundle, transport, profiles.load(str(profile_file))))
        if isinstance(found, Record):
            problems = [each.problem.message for each in (found, *found.networks) if each.problem is not None]
            assert found.facts_before.memory_total_bytes is not None
            assert found.facts_before.memory_total_bytes < 200e6
            found = "; ".join(problems) or "it fits"
        assert re.search(r"memory|SIGKILL|it fits", found), found


def outcome(call: Callable[[], Record]) -> Record | str:
    """The record, or the sentence of the error."""
    try:
        return call()
    except SisEdgeError as error:
        return str(error)
