"""What a deployment says while it works."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["agent", "facts", "provision", "push", "measure", "link", "record"]


@dataclass(frozen=True)
class Event:
    """Something that the user may want to see; `done` of `total` are bytes while pushing, the agent's count else.

    `detail` is the agent's own progress line; what is announced of a job before it is started has its `job_id` there.
    """

    stage: Stage
    message: str
    done: float | None = None
    total: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The `on_event` of a caller that shows nothing."""
