"""Where trials run: one function each, one registry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from sis_edge.errors import UsageError
from sis_edge.sweep import local, ray
from sis_edge.sweep.running import OnStep, Runner, Say

Place: TypeAlias = Literal["here", "processes", "ray"]


@dataclass(frozen=True)
class Where:
    """So many trials at a time on this machine; or the address of a Ray cluster, and what a trial takes there.

    `cpus` of None is one processor, `gpus` of None one GPU where the cluster has any. Raises UsageError for what is of
    the other place.
    """

    jobs: int | None = None
    ray: str | None = None
    cpus: int | None = None
    gpus: float | None = None

    def __post_init__(self) -> None:
        if self.ray is not None and self.jobs is not None:
            raise UsageError(f"--jobs {self.jobs} is of this machine; with --ray, --cpus and --gpus say what fits")
        for option, value in (("--cpus", self.cpus), ("--gpus", self.gpus)):
            if self.ray is None and value is not None:
                raise UsageError(f"{option} {value:g} is of a trial on a Ray cluster; give --ray ADDRESS, or --jobs")

    @property
    def place(self) -> Place:
        """The name in `PLACES`."""
        if self.ray is not None:
            return "ray"
        return "processes" if (self.jobs or 1) > 1 else "here"


def _here(where: Where, on_step: OnStep, say: Say) -> Runner:
    return partial(local.one_by_one, on_step=on_step)


def _processes(where: Where, on_step: OnStep, say: Say) -> Runner:
    return partial(local.in_processes, jobs=where.jobs or 1, say=say)


def _ray(where: Where, on_step: OnStep, say: Say) -> Runner:
    return partial(ray.on_ray, on_step=on_step, say=say, address=where.ray or "", cpus=where.cpus or 1, gpus=where.gpus)


PLACES: dict[Place, Callable[[Where, OnStep, Say], Runner]] = {"here": _here, "processes": _processes, "ray": _ray}


def runner(where: Where, on_step: OnStep, say: Say) -> Runner:
    """What runs trials there."""
    return PLACES[where.place](where, on_step, say)
