"""A folder that stands for a board: the real agent, run by a real interpreter as a process of its own."""

import json
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sis_agent.job.folder import status as job_status
from sis_agent.schema import ENDED, JOB_VERSION, Job, NetworkJob, PowerRequest, Preprocess, Record, to_json
from sis_edge.board.agent_archive import AgentArchive, build

DEADLINE_S = 180.0  # a real runtime's job waits for those of tests beside this one: they share the board
FOR_EVER = 10**6  # rounds that no test waits for
# For the sensor of the fixture `sysroot`.
POWER = PowerRequest(total_rails=["VDD_IN"], scope="module input", idle_s=1.0, block_s=0.3, blocks=3)


def null_job(networks: tuple[str, ...] = ("a", "b"), **fields: Any) -> Job:
    """A job of the null runner on the bundle b1; without changes it is over in a moment."""
    return Job(
        job_version=JOB_VERSION,
        bundle_id="b1",
        networks=[NetworkJob(name, "model", "logits") for name in networks],
        golden_inputs="inputs",
        golden_tolerance=1e-4,
        preprocess=Preprocess([0.5] * 3, [0.25] * 3),
        runner="null",
        warmup_s=0.01,
        rounds=3,
    )._replace(**fields)


@dataclass(frozen=True)
class Answer:
    """What one command of the agent said."""

    code: int
    line: dict[str, Any]
    log: str

    @property
    def answer(self) -> dict[str, Any]:
        assert self.code == 0, (self.line, self.log)
        assert self.line["ok"] is True
        found: dict[str, Any] = self.line["answer"]
        return found

    @property
    def problem(self) -> dict[str, str]:
        assert self.code == 1, (self.line, self.log)
        assert self.line["ok"] is False
        found: dict[str, str] = self.line["problem"]
        return found


class Board:
    """One root folder, one interpreter, and the archive that was pushed to it."""

    def __init__(self, root: Path, python: str) -> None:
        self.root = root
        self.python = python
        self.archive = build(root / "agents")
        self.code = _unpacked(self.archive, root.parents[1])

    def call(self, *words: str) -> Answer:
        """Run one command as SSH would, and check the protocol's head."""
        done = subprocess.run(
            [self.python, str(self.code), "--root", str(self.root), *words],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        line = json.loads(done.stdout.splitlines()[-1])
        assert (line["protocol"], line["agent"]) == (1, self.archive.hash12)
        return Answer(done.returncode, line, done.stderr)

    def put_empty_bundle(self, bundle_id: str = "b1") -> None:
        """Files for the null runner, which reads none of them."""
        folder = self.root / "bundles" / bundle_id
        folder.mkdir(parents=True)
        for name in ("model", "logits", "inputs"):
            (folder / name).write_bytes(b"not read")

    def put_null_job(self, job_id: str, networks: tuple[str, ...] = ("a", "b"), **fields: Any) -> Job:
        """A job of the null runner; without changes it is over in a moment."""
        job = null_job(networks, **fields)
        self.put_job(job_id, job)
        return job

    def put_job(self, job_id: str, job: Job) -> None:
        folder = self.root / "jobs" / job_id
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps(to_json(job)))

    def wait(self, job_id: str, *, phase: str | None = None) -> dict[str, Any]:
        """The job's status when it has ended, or when it has said that it is in `phase`.

        Its files are watched by this process: an agent that is started again and again takes the job's own time.
        """
        end_s = time.monotonic() + DEADLINE_S
        while not _is_there(job_status(str(self.root), job_id), phase) and time.monotonic() < end_s:
            time.sleep(0.01)
        status = self.call("status", job_id).answer
        assert _is_there(status, phase), f"job {job_id} is not there yet: {status}, log: {self.log(job_id)}"
        return status

    def record(self, job_id: str) -> Record:
        """The record, validated as the host does it."""
        return TypeAdapter(Record).validate_json((self.root / "jobs" / job_id / "record.json").read_bytes())

    def log(self, job_id: str) -> str:
        path = self.root / "jobs" / job_id / "log.txt"
        return path.read_text() if path.exists() else ""


def _unpacked(archive: AgentArchive, folder: Path) -> Path:
    """What is in the archive, as a folder that the tests of a process share.

    Python keeps there what it has compiled; from the archive it compiles each module in every process, which took half
    of the time of these tests. Those of `test_interpreters.py` for paths and wrong words run the archive itself.
    """
    place = folder / archive.path.stem
    if not place.exists():
        with zipfile.ZipFile(archive.path) as packed:
            packed.extractall(place)
    return place


def _is_there(status: dict[str, Any], phase: str | None) -> bool:
    return status["state"] in ENDED or any(step["phase"] == phase for step in status["progress"])


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found
