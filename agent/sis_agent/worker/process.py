"""The job's side of a worker: start it, ask it, notice when it dies or falls silent."""

import contextlib
import json
import os
import select
import signal
import subprocess
from typing import Any, Callable, Dict, Optional, Sequence

from sis_agent import child, clock
from sis_agent.protocol import ProblemError
from sis_agent.schema import Job, Problem

Progress = Callable[[Dict[str, Any]], None]


class StoppedError(Exception):
    """The whole job has to end: cancelled, or out of time."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message)


class WorkerLostError(ProblemError):
    """The worker died or was killed for its silence; another one can go on with the other networks."""


class StopRequest:
    """SIGTERM, SIGINT or SIGHUP as something that `select` can wait for, and the time when the job has to end."""

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)

    def listen(self) -> None:
        """From now on the signals do not end this process but its waiting.

        A detached job, or one under `nohup`, ignores SIGHUP, and goes on doing so.
        """
        signal.set_wakeup_fd(self._write_end)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)

    def check(self) -> None:
        """Raise StoppedError if it is time to end."""
        if select.select([self.read_end], [], [], 0)[0]:
            raise StoppedError("cancelled", "the job was cancelled")
        if clock.now_s() >= self.deadline_s:
            raise StoppedError(
                "time-limit",
                "the job reached its time limit; raise time_limit_s in the profile's [measuring], or measure fewer "
                "networks (engines that were built are kept)",
            )

    def sleep(self, time_s: float) -> None:
        """Do nothing for so long; raises StoppedError if it is time to end."""
        end_s = clock.now_s() + time_s
        while clock.now_s() < end_s:
            self.check()
            select.select([self.read_end], [], [], max(min(end_s, self.deadline_s) - clock.now_s(), 0))
        self.check()


class WorkerProcess:
    """One worker with the job's threads and batch size; use as a context manager.

    `variables` are added to its environment. `runners` names its runtimes; none given: the job's.
    """

    def __init__(
        self,
        job: Job,
        stop: StopRequest,
        answer_limit_s: float,
        variables: Optional[Dict[str, str]] = None,
        runners: Sequence[str] = (),
    ) -> None:
        self._stop = stop
        self._answer_limit_s = answer_limit_s
        self._unread = b""
        self._process = subprocess.Popen(
            child.command("sis_agent.worker.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(worker_environment(job.threads), **(variables or {})),
            cwd="/",  # Python looks for modules in the current folder first, and a user's folder may hold anything
        )
        start = {"do": "start", "runners": list(runners) or [job.runner], "threads": job.threads}
        preprocess = None if job.preprocess is None else job.preprocess._asdict()
        try:
            self.start = self.ask(dict(start, batch_size=job.batch_size, preprocess=preprocess, cores=job.cores))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def runs(self) -> bool:
        """Whether nobody has seen it end yet."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._process.pid

    def ask(self, command: Dict[str, Any], progress: Optional[Progress] = None) -> Any:
        """The reply to a command.

        Raises ProblemError with the worker's own problem, WorkerLostError when the worker died or was silent for the
        answer limit (progress counts as an answer), StoppedError when the job has to end.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # a dead worker is found while reading
            self._process.stdin.write((json.dumps(command) + "\n").encode())
            self._process.stdin.flush()
        while True:
            message = json.loads(self._line(command["do"]))
            if "reply" in message:
                return message["reply"]
            if "problem" in message:
                problem = Problem(**message["problem"])
                raise ProblemError(problem.code, problem.message)
            if progress is not None:
                progress(message["progress"])

    def close(self) -> None:
        """End the worker at once: it holds nothing worth a goodbye."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _line(self, action: str) -> str:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        silent_from_s = clock.now_s()
        while b"\n" not in self._unread:
            self._stop.check()
            end_s = min(self._stop.deadline_s, silent_from_s + self._answer_limit_s)
            timeout_s = max(end_s - clock.now_s(), 0)
            readable = select.select([descriptor, self._stop.read_end], [], [], timeout_s)[0]
            if descriptor in readable:
                piece = os.read(descriptor, 65536)
                if not piece:
                    raise self._died(action)
                self._unread += piece
            elif not readable and clock.now_s() < self._stop.deadline_s:
                self.close()
                raise WorkerLostError(
                    "worker-silent",
                    "the worker was silent for {:g} s at '{}' and was killed: the runtime hangs with this "
                    "network".format(self._answer_limit_s, action),
                )
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def _died(self, action: str) -> WorkerLostError:
        code = self._process.wait()
        how = child.how_it_ended(code)
        hint = "; the board may be out of memory" if code == -signal.SIGKILL else ""
        return WorkerLostError(
            "worker-died", "the worker {} at '{}'{}; the job's log.txt may say more".format(how, action, hint)
        )


def worker_environment(threads: int) -> Dict[str, str]:
    """The environment of a worker: numpy's own threads stay out of the way of the runtime's."""
    return dict(child.runtime_environment(), OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS=str(threads))
