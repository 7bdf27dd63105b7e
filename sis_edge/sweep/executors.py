"""Where trials run: an executor for this machine and one for a Ray cluster, in one registry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from sis_edge.errors import UsageError
from sis_edge.sweep import local, ray
from sis_edge.sweep.running import Executor, OnStep, Say

ExecutorName: TypeAlias = Literal["local", "ray"]


@dataclass(frozen=True)
class ExecutorOptions:
    """`jobs` trials at a time on this machine; or the address of a Ray cluster, and the resources of a trial there.

    `cpus` of None is one CPU, `gpus` of None one GPU if the cluster has any. Raises UsageError for options of the other
    executor.
    """

    jobs: int | None = None
    ray: str | None = None
    cpus: int | None = None
    gpus: float | None = None

    def __post_init__(self) -> None:
        if self.ray is not None and self.jobs is not None:
            raise UsageError(
                f"--jobs {self.jobs} and --ray exclude each other; on a cluster, --cpus and --gpus set the "
                "resources of a trial"
            )
        for option, value in (("--cpus", self.cpus), ("--gpus", self.gpus)):
            if self.ray is None and value is not None:
                raise UsageError(f"{option} {value:g} needs --ray ADDRESS; on this machine, use --jobs")

    @property
    def executor(self) -> ExecutorName:
        """The name in `EXECUTORS`."""
        return "local" if self.ray is None else "ray"


def _local(options: ExecutorOptions, on_step: OnStep, say: Say) -> Executor:
    return partial(local.execute, jobs=options.jobs or 1, on_step=on_step, say=say)


def _ray(options: ExecutorOptions, on_step: OnStep, say: Say) -> Executor:
    address, cpus = options.ray or "", options.cpus or 1
    return partial(ray.execute, on_step=on_step, say=say, address=address, cpus=cpus, gpus=options.gpus)


EXECUTORS: dict[ExecutorName, Callable[[ExecutorOptions, OnStep, Say], Executor]] = {"local": _local, "ray": _ray}


def executor(options: ExecutorOptions, on_step: OnStep, say: Say) -> Executor:
    """The executor that these options ask for."""
    return EXECUTORS[options.executor](options, on_step, say)
