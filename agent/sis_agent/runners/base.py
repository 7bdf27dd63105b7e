"""What every runner can do: load a network, infer, and give the bare call that is timed."""

from typing import Any, Callable, Dict


class Session:
    """One loaded network."""

    def infer(self, images: Any) -> Any:
        """Logits float32 [N, classes] of preprocessed images, float32 [N, 3, height, width]."""
        raise NotImplementedError

    def step(self, batch: Any) -> Callable[[], Any]:
        """The call that runs one inference of `batch` and nothing else: it is what the clock stands around."""
        raise NotImplementedError


class Runner:
    """One run time. `computes` is False for one whose outputs mean nothing, so that nothing checks them."""

    computes = True

    def details(self) -> Dict[str, Any]:
        """Versions and settings for the record."""
        raise NotImplementedError

    def load(self, model_path: str) -> Session:
        """Load a network; raises ProblemError when this run time cannot take it."""
        raise NotImplementedError
