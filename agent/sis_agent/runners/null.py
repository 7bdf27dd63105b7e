"""A network that does nothing: what is measured of it is the harness's own cost."""

from typing import Any, Callable, Dict, Optional

from sis_agent.runners.base import HOST_CLOCK, Runner, Session, Tensors, inside, none
from sis_agent.schema import TimedCall


def missing() -> Optional[str]:
    """Nothing: this runner needs no runtime."""
    return None


def make(threads: int, batch_size: int) -> Runner:
    """The null runner; threads and batch size change nothing."""
    return NullRunner()


def nothing() -> None:
    """One inference of the null network."""


class NullSession(Session):
    """A loaded nothing."""

    def step(self, batch: Any) -> Callable[[], Any]:
        """The empty call."""
        return nothing

    def timed_call(self) -> Optional[TimedCall]:
        """One call of a Python function: all that the harness costs."""
        empty = none("nothing is computed")
        call = inside("one call of a Python function")
        return TimedCall("nothing()", HOST_CLOCK, empty, empty, synchronisation=empty, call_overhead=call)


class NullRunner(Runner):
    """The runtime of nothing."""

    computes = False

    def details(self) -> Dict[str, Any]:
        """No versions, no settings."""
        return {"runner": "null"}

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """The model's file is not read."""
        return NullSession()

    def load_tensors(self, model_path: str, options: Dict[str, Any], tensors: Tensors) -> Session:
        """Neither the model's file nor the tensors are read."""
        return NullSession()
