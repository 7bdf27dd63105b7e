"""One list each: whatever a user may name. Schema, help texts, messages and defaults derive from these.

What a name stands for is loaded when it is used, so that a command's help costs no import. Each list is open: another
package adds to it by an entry point of its group, a program by `register` (see `files.registry`).
"""

from typing import TYPE_CHECKING

from sis_agent import builtin
from sis_edge.files.registry import Registry

if TYPE_CHECKING:
    from sis_edge.backends.base import Backend
    from sis_edge.backends.precisions import Precision
    from sis_edge.datasets.base import Loader
    from sis_edge.formation.distributions.base import Distribution
    from sis_edge.formation.granularities.base import Granularity
    from sis_edge.networks.architectures import Architecture

_FORMATION = "sis_edge.formation"

GRANULARITIES: "Registry[type[Granularity]]" = Registry(
    "granularity",
    "sis_edge.granularities",
    {
        "kernel": f"{_FORMATION}.granularities.kernel:Kernel",
        "neuron": f"{_FORMATION}.granularities.neuron:Neuron",
        "block": f"{_FORMATION}.granularities.block:Block",
        "nm": f"{_FORMATION}.granularities.nm:NM",
        "synapse": f"{_FORMATION}.granularities.synapse:Synapse",
    },
)

DISTRIBUTIONS: "Registry[Distribution]" = Registry(
    "distribution",
    "sis_edge.distributions",
    {
        "uniform": f"{_FORMATION}.distributions.uniform:UNIFORM",
        "erk": f"{_FORMATION}.distributions.erk:ERK",
        "constant-fan-in": f"{_FORMATION}.distributions.constant_fan_in:CONSTANT_FAN_IN",
        "degree-balanced": f"{_FORMATION}.distributions.degree_balanced:DEGREE_BALANCED",
        "centred": f"{_FORMATION}.distributions.centred:CENTRED",
    },
)

NETWORKS: "Registry[Architecture]" = Registry(
    "network",
    "sis_edge.networks",
    {
        "nin": "sis_edge.networks.architectures:nin",
        "nin-half": "sis_edge.networks.architectures:nin_half",
        "resnet20": "sis_edge.networks.architectures:resnet20",
        "mobilenet-small": "sis_edge.networks.architectures:mobilenet_small",
    },
)

DATASETS: "Registry[Loader]" = Registry(
    "data set",
    "sis_edge.datasets",
    {
        "digits": "sis_edge.datasets.digits:load",
        "cifar10": "sis_edge.datasets.cifar10:load",
        "cifar100": "sis_edge.datasets.cifar100:load",
        "svhn": "sis_edge.datasets.svhn:load",
        "fashion_mnist": "sis_edge.datasets.fashion_mnist:load",
    },
    show="sis-edge datasets list",
)

BACKENDS: "Registry[Backend]" = Registry(
    "runtime",
    "sis_edge.backends",
    {
        "tensorrt": "sis_edge.backends.tensorrt:TENSORRT",
        "trtexec": "sis_edge.backends.tensorrt:TRTEXEC",
        "tensorrt_rtx": "sis_edge.backends.tensorrt_rtx:BACKEND",
        "onnxruntime": "sis_edge.backends.onnxruntime:BACKEND",
        "tflite": "sis_edge.backends.tflite:BACKEND",
    },
)

PRECISIONS: "Registry[Precision]" = Registry(
    "precision",
    "sis_edge.precisions",
    {
        "fp32": "sis_edge.backends.precisions:FP32",
        "fp16": "sis_edge.backends.precisions:FP16",
        "int8": "sis_edge.backends.precisions:INT8",
    },
)

# The agent reads them on the board; the host needs their names, for profiles. Plugins: see `board.agent_plugins`.
POWER_SOURCES: "Registry[object]" = Registry("power source", "sis_agent.power", builtin.POWER)
