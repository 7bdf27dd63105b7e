"""What others report for CIFAR-10 with about as many parameters: for scale, quoted and never measured here.

Their training differs from ours (epochs, augmentations, often the choice of the best epoch), and they count parameters
of normalisation and biases, too. A figure without a source that can be looked up has no line here.
"""

from dataclasses import dataclass

PYTORCHCV = "pytorchcv (github.com/osmr/imgclsmob), table of CIFAR-10 models"
RIGL_REPORT = "Sundar and Dwaraknath 2021, arXiv:2103.15767, CIFAR-10 at 80% sparsity"
SIMPNET = "Hasanpour et al. 2018, arXiv:1802.06205"
NOT_STATED = "not stated there"
SHARE = "given as a share of the dense network's"


@dataclass(frozen=True)
class PublishedNetwork:
    """A network that others trained on CIFAR-10. `macs` is None where the source has no count, and `reason` says why.

    A `target` is an accuracy that the source demands, not one that it reports.
    """

    name: str
    structure: str
    parameters: int
    macs: int | None
    accuracy: float
    source: str
    reason: str | None = None
    is_target: bool = False


CIFAR10 = (
    PublishedNetwork("NiN", "dense", 966_986, 222_970_000, 0.9257, PYTORCHCV),
    PublishedNetwork("ResNet-20", "dense", 272_474, 41_290_000, 0.9403, PYTORCHCV),
    PublishedNetwork(
        "ResNet-20", "dense", 270_000, None, 0.9125, "He et al. 2016, arXiv:1512.03385, table 6", NOT_STATED
    ),
    PublishedNetwork(
        "ResNet-20", "dense", 270_000, None, 0.9173, "github.com/akamaster/pytorch_resnet_cifar10", NOT_STATED
    ),
    PublishedNetwork("WRN-22-2", "static sparse", 215_000, None, 0.912, RIGL_REPORT, SHARE),
    PublishedNetwork("WRN-22-2", "rewired (SET)", 215_000, None, 0.927, RIGL_REPORT, SHARE),
    PublishedNetwork("WRN-22-2", "rewired (RigL, ERK, twice as long)", 215_000, None, 0.933, RIGL_REPORT, SHARE),
    PublishedNetwork("SimpNet", "dense", 300_000, None, 0.9325, SIMPNET, NOT_STATED),
    PublishedNetwork("SimpNet", "dense", 128_000, None, 0.8970, SIMPNET, NOT_STATED),
    PublishedNetwork(
        "ResNet-8", "dense", 78_000, None, 0.85, "MLPerf Tiny (github.com/mlcommons/tiny)", NOT_STATED, is_target=True
    ),
)
"""Rounded where the source rounds."""


def published(dataset: str) -> tuple[PublishedNetwork, ...]:
    """The published figures for a data set; none for most."""
    return CIFAR10 if dataset == "cifar10" else ()
