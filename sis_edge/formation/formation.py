"""The parameters that, with a network's layers, decide a synaptic graph completely."""

from dataclasses import asdict, dataclass
from typing import Any

from sis_edge.errors import UsageError
from sis_edge.registries import GRANULARITIES


@dataclass(frozen=True)
class Formation:
    """How a network is formed.

    `t_c` and `t_p` are the shares, in (0, 1], of what may exist in convolutional layers (CL) and in micro networks
    (MP); `conv` and `micro` name the granularity of each; `conv_synapses` asks for an exact count of CL synapses
    (None: the expectation, rounded). `block` is the number of neighbouring filters that share a kernel's place
    in granularity `block`. `distribution_sha256` is that of the source text of a distribution that a program gave as a
    function; None for those of the registry, and where its source is not known.
    """

    t_c: float = 1.0
    t_p: float = 1.0
    seed: int = 0
    conv: str = "kernel"
    micro: str = "neuron"
    distribution: str = "uniform"
    conv_synapses: int | None = None
    block: int = 8
    distribution_sha256: str | None = None

    def __post_init__(self) -> None:
        for name, share in (("t_c", self.t_c), ("t_p", self.t_p)):
            if not 0 < share <= 1:  # also refuses NaN
                raise UsageError(f"{name} = {share:g} is not a share; give a number above 0 and up to 1")
        if self.seed < 0:
            raise UsageError(f"seed = {self.seed} is negative; give 0 or a positive whole number")
        if self.block < 1:
            raise UsageError(f"block = {self.block} is not a number of filters; give 1 or more (8 or 16 run fast)")

    @property
    def units(self) -> str:
        """What exists or not in CL, in a word: `kernel`, or `block:16` for blocks of 16 filters."""
        return GRANULARITIES.find(self.conv).unit(self.block)

    def as_dict(self) -> dict[str, Any]:
        """The parameters as plain data, for files and for cache keys; that of a function only where there is one."""
        return {name: value for name, value in asdict(self).items() if name != "distribution_sha256" or value}
