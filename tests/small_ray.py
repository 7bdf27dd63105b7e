"""Ray's interface as far as sis-edge uses it, in this process: each task runs when it is waited for.

What goes to a task or an actor is pickled, as on the way to another machine. A test says what befalls which task, by
its name: a worker that is lost, a node that cannot run it, a head that answers no more.
"""

import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class RayError(Exception):
    """All that Ray itself says."""


class WorkerCrashedError(RayError):
    """A worker was lost."""


class ActorDiedError(RayError):
    """An actor was."""


class RayTaskError(RayError):
    """A task raised; `cause` is what."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(eq=False)
class Reference:
    """A result that is there, or that `make` gives."""

    make: Callable[[], Any]
    made: list[Any] = field(default_factory=list)

    def result(self) -> Any:
        """The result, or the error, of the one time that it was made."""
        if not self.made:
            try:
                self.made.append(self.make())
            except RayError as error:
                self.made.append(error)
        if isinstance(self.made[0], RayError):
            raise self.made[0]
        return self.made[0]


class SmallRay(ModuleType):
    """A cluster. `nodes_resources` are its nodes'; `lost` says how often a task's worker is lost, at its end.

    `unable` are tasks whose node cannot run them, and with which error; `dead_actors` answer nothing. `begun` lists the
    tasks' names as they begin, `options` what was asked for each function or class.
    """

    def __init__(self, nodes_resources: Sequence[dict[str, float]] = ({"CPU": 4.0},)) -> None:
        super().__init__("ray")
        self.nodes_resources = nodes_resources
        self.lost: dict[str, int] = {}
        self.unable: dict[str, Exception] = {}
        self.refusal: Exception | None = None
        self.actors_are_dead = False
        self.begun: list[str] = []
        self.options: dict[str, dict[str, Any]] = {}
        self.is_connected = False
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def init(self, **options: Any) -> None:
        """Connect."""
        if self.refusal is not None:
            raise self.refusal
        self.is_connected = True

    def shutdown(self) -> None:
        """Disconnect."""
        self.is_connected = False

    def nodes(self) -> list[dict[str, Any]]:
        """Every node, and one that is gone."""
        gone = {"Alive": False, "Resources": {"CPU": 512.0, "GPU": 8.0}}
        return [gone, *({"Alive": True, "Resources": each} for each in self.nodes_resources)]

    def get_runtime_context(self) -> SimpleNamespace:
        """Of this process."""
        return SimpleNamespace(get_node_id=lambda: "head")

    def remote(self, **options: Any) -> Callable[[Any], Any]:
        """Of a class an actor, of a function a task."""

        def of(target: Any) -> Any:
            self.options[target.__name__] = options
            if isinstance(target, type):
                return SimpleNamespace(remote=lambda: Actor(self, target()))
            return RemoteFunction(self, target)

        return of

    def put(self, value: Any) -> Reference:
        """A value that all nodes can have."""
        return Reference(lambda: value)

    def get(self, reference: Reference, timeout: float | None = None) -> Any:
        """The result; raises RayError and its like."""
        return reference.result()

    def wait(self, references: Sequence[Reference], timeout: float) -> tuple[list[Reference], list[Reference]]:
        """The first of them, which is then ready, and the others."""
        ready, *others = references
        with suppress(RayError):
            ready.result()
        return [ready], others


@dataclass(frozen=True)
class RemoteFunction:
    """A function that a task can be made of."""

    ray: SmallRay
    function: Callable[..., Any]
    name: str = ""

    def options(self, name: str) -> "RemoteFunction":
        """The same under a name."""
        return RemoteFunction(self.ray, self.function, name)

    def remote(self, *arguments: Any) -> Reference:
        """A task."""
        sent = [each if isinstance(each, Actor | Reference) else pickle.dumps(each) for each in arguments]
        return Reference(lambda: self._run(sent))

    def _run(self, sent: list[Any]) -> Any:
        ray, name = self.ray, self.name
        ray.begun.append(name)
        if name in ray.unable:
            raise RayTaskError(ray.unable[name])
        found = self.function(*map(_arrived, sent))
        if ray.lost.get(name, 0) > 0:
            ray.lost[name] -= 1
            raise WorkerCrashedError("SIGKILL")
        return pickle.loads(pickle.dumps(found))


@dataclass(frozen=True)
class Actor:
    """An actor's methods, each with `remote`."""

    ray: SmallRay
    held: Any

    def __getattr__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda *words: self._called(name, words))

    def _called(self, name: str, words: tuple[Any, ...]) -> Reference:
        if self.ray.actors_are_dead:
            reference = Reference(self._dead)
        else:
            answer = getattr(self.held, name)(*pickle.loads(pickle.dumps(words)))
            reference = Reference(lambda: answer)
        return reference

    @staticmethod
    def _dead() -> None:
        raise ActorDiedError("its node is gone")


def _arrived(sent: Any) -> Any:
    if isinstance(sent, Reference):
        return sent.result()
    return sent if isinstance(sent, Actor) else pickle.loads(sent)


@pytest.fixture
def small_ray(monkeypatch: pytest.MonkeyPatch) -> SmallRay:
    """A cluster in this process, which `import ray` gives."""
    ray = SmallRay()
    strategies = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = lambda node, soft: (node, soft)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.util", ModuleType("ray.util"))
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
    return ray
