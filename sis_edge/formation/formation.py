"""The parameters that, with a network's layers, decide a synaptic graph completely."""

from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from sis_edge.errors import UsageError
from sis_edge.registries import GRANULARITIES
from sis_edge.spec import Group

REWIRED = "rewired"
"""In the place of a distribution's name: training moved the synapses of this graph, no law drew them."""


@dataclass(frozen=True)
class Formation:
    """How a network is formed.

    `t_c` and `t_p` are the shares, in (0, 1], of what may exist in convolutional layers (CL) and in micro networks
    (MP); `conv` and `micro` name the granularity of each; `conv_synapses` asks for an exact count of CL synapses
    (None: the expectation, rounded). `block` is the number of neighbouring filters that share a kernel's place
    in granularity `block`. `layer_shares` gives layers shares of their own, and is what forms a depthwise layer, which
    stays whole otherwise; `layer_groups` puts layers into the other group, CL or MP. `distribution_sha256` is that of
    the source text of a distribution that a program gave as a function, or of the numbers of one that was given as
    arrays; None for those of the registry, and where its source is not known.
    """

    t_c: float = 1.0
    t_p: float = 1.0
    seed: int = 0
    conv: str = "kernel"
    micro: str = "neuron"
    distribution: str = "uniform"
    conv_synapses: int | None = None
    block: int = 8
    layer_shares: dict[str, float] = field(default_factory=dict, hash=False)
    layer_groups: dict[str, Group] = field(default_factory=dict, hash=False)
    distribution_sha256: str | None = None

    def __post_init__(self) -> None:
        own = ((f"the share of layer {name}", share) for name, share in self.layer_shares.items())
        for name, share in (("t_c", self.t_c), ("t_p", self.t_p), *own):
            if not 0 < share <= 1:  # also refuses NaN
                raise UsageError(f"{name} = {share:g} is not a density; give a number above 0 and up to 1")
        if self.seed < 0:
            raise UsageError(f"seed = {self.seed} is negative; give 0 or a positive whole number")
        if self.block < 1:
            raise UsageError(f"block = {self.block} is not a number of filters; give 1 or more (8 or 16 run fast)")
        for name, group in self.layer_groups.items():
            if group not in get_args(Group):
                raise UsageError(f"the group of layer {name} is '{group}'; give {' or '.join(get_args(Group))}")

    @property
    def units(self) -> str:
        """What exists or not in CL, in a word: `kernel`, or `block:16` for blocks of 16 filters."""
        return GRANULARITIES.find(self.conv).unit(self.block)

    def as_dict(self) -> dict[str, Any]:
        """The parameters as plain data, for files and cache keys; the seldom ones where there are any."""
        seldom = ("layer_shares", "layer_groups", "distribution_sha256")
        return {name: value for name, value in asdict(self).items() if value or name not in seldom}
