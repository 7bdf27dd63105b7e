"""What every runner can do: load a network, infer, and give the bare call that is timed."""

from typing import Any, Callable, Dict, Sequence

from sis_agent.protocol import ProblemError


class Session:
    """One loaded network."""

    def infer(self, images: Any) -> Any:
        """Logits float32 [N, classes] of preprocessed images, float32 [N, 3, height, width]."""
        raise NotImplementedError

    def step(self, batch: Any) -> Callable[[], Any]:
        """The call that runs one inference of `batch` and nothing else: it is what the clock stands around."""
        raise NotImplementedError


def known_options(options: Dict[str, Any], known: Sequence[str]) -> None:
    """Raise the problem `bad-option` for an option that a runner does not know."""
    for name in options:
        if name not in known:
            text = ", ".join(known) or "none"
            raise ProblemError("bad-option", "the option '{}' is unknown here; known: {}".format(name, text))


class Runner:
    """One run time. `computes` is False for one whose outputs mean nothing, so that nothing checks them."""

    computes = True

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        raise NotImplementedError

    def load(self, model_path: str, options: Dict[str, Any]) -> Session:
        """Load a network; `options` are the job's for it, of names that the runner documents.

        Raises ProblemError when this run time cannot take the network or does not know an option.
        """
        raise NotImplementedError
