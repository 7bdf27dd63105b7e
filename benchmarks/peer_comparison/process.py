"""The parent's side of a worker: start it, ask it, notice when it ends or is silent."""

import json
import os
import select
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sis_agent
from sis_agent.child import how_it_ended

WORKER = Path(__file__).with_name("worker.py")
ANSWER_LIMIT_S = 300.0  # MNN's quantiser and DeepSparse's compiler take seconds


class PeerError(Exception):
    """The worker answered that it cannot; it goes on."""


class PeerDiedError(PeerError):
    """The worker ended or was silent for too long: there is no process any more."""


class PeerProcess:
    """A worker of one runtime, pinned to `cores`; to be closed."""

    def __init__(
        self, python: Path, runtime: str, threads: int, batch: int, cores: Sequence[int], inputs: Path
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._folder = tempfile.TemporaryDirectory(prefix="sis-edge-")  # for what runtimes leave behind
        variables = {
            "TMPDIR": self._folder.name,
            "OMP_NUM_THREADS": str(threads),
            "PYTHONPATH": str(Path(sis_agent.__file__).parents[1]),
        }
        try:
            self._process = subprocess.Popen(
                [python, WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **variables},
            )
        except OSError as error:  # an environment that was removed in part
            self._errors.close()
            self._folder.cleanup()
            raise PeerError(f"cannot run {python} ({error.strerror}); remove that environment") from None
        self._unread = b""
        try:
            self.details: dict[str, str] = self.ask(
                "start", runtime=runtime, threads=threads, batch=batch, cores=list(cores), inputs=str(inputs)
            )
        except PeerError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, order: str, **words: Any) -> Any:
        """The reply; raises PeerError with the worker's problem, PeerDiedError where it ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": order, **words}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        answer = json.loads(self._line())
        if "problem" in answer:
            raise PeerError(answer["problem"])
        return answer["reply"]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):  # an order that it never read
                pipe.close()
        self._errors.close()
        self._folder.cleanup()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            if not select.select([descriptor], [], [], ANSWER_LIMIT_S)[0]:
                raise PeerDiedError(f"no answer for {ANSWER_LIMIT_S:.0f} s")
            part = os.read(descriptor, 1 << 20)
            if not part:
                raise self._died()
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _died(self) -> PeerDiedError:
        how = how_it_ended(self._process.wait())
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2].strip()
        return PeerDiedError(f"its process {how}" + (f" ({last[:200]})" if last else ""))
