"""Networks into a bundle: those that one trained, or networks by name."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sis_edge import profiles
from sis_edge.board import calibrate
from sis_edge.build import default_networks, pipeline
from sis_edge.build.networks import own_networks
from sis_edge.build.plan import BuildPlan, OnStep
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import UsageError
from sis_edge.files.paths import AnyPath
from sis_edge.front.arguments import names_arguments
from sis_edge.training.trained import TrainedNetwork


@names_arguments
def bundle(
    networks: Mapping[str, TrainedNetwork] | Iterable[str],
    *,
    profile: str = "local",
    dataset: str | None = None,
    reference: str | None = None,
    name: str | None = None,
    folder: AnyPath = "build",
    test_images: int = 500,
    calibrated: bool = False,
    exact: bool = False,
    on_step: OnStep = lambda step: None,
) -> Bundle:
    """Export networks for a board and put them into `folder/name`, with all that the board needs to measure them.

    `networks` are trained networks by the name that each gets, all of one data set; or names, as `sis-edge build
    --networks` takes them: those come from the zoo, or are trained. `reference` names the network that the others are
    compared with (None: the dense NiN, if it is among them). `calibrated` lets a calibration of the profile's board
    choose what computes each layer, and measures this machine where that is the board (some fifteen seconds). `exact`
    computes layers by direct convolution only, not by Winograd's algorithm.

    What is done already for the same inputs is not done again. Raises UsageError for unknown names and for networks of
    different data sets, ExportError, DiskError.

    >>> import sis_edge, tempfile
    >>> network = sis_edge.train(sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron"), epochs=1, limit=64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = sis_edge.bundle({"mine": network}, folder=folder, test_images=32)
    >>> [entry.name for entry in made.manifest.networks]
    ['mine']
    """
    networks = _checked(networks)
    board = profiles.load(profile)
    if isinstance(networks, Mapping):
        if not networks:
            raise UsageError("no network to bundle; give trained networks by their names")
        data = max((network.dataset for network in networks.values()), key=lambda each: len(each.test))
        if dataset is not None and dataset != data.name:
            raise UsageError(f"the networks were trained on {data.name}, and dataset is {dataset}; leave dataset out")
        planned = own_networks(networks)
    else:
        if dataset is None:
            raise UsageError("networks by name need the data set that they are for: dataset='cifar10', for example")
        data, planned = None, default_networks.choose(board, dataset, trains=False, names=tuple(networks)).networks
    plan = BuildPlan(
        profile=board,
        dataset=data.name if data else str(dataset),
        networks=planned,
        folder=Path(folder),
        name=name or f"{board.name}-{data.name if data else dataset}",
        test_images=test_images,
        weights="either",
        calibration=(lambda: calibrate.for_build(board)) if calibrated else lambda: None,
        exact=exact,
        reference=reference,
        data=data,
    )
    return pipeline.build(plan, on_step).bundle


def _checked(
    networks: Mapping[str, TrainedNetwork] | Iterable[str],
) -> Mapping[str, TrainedNetwork] | tuple[str, ...]:
    """The networks; raises UsageError for trained ones without names, and for what is no network."""
    if isinstance(networks, Mapping):
        wrong = next((type(each).__name__ for each in networks.values() if not isinstance(each, TrainedNetwork)), None)
        if wrong is not None:
            raise UsageError(f"bundle takes trained networks by name, not a {wrong}; sis_edge.train makes one")
        return networks
    names: tuple[object, ...] = (networks,) if isinstance(networks, str | TrainedNetwork) else tuple(networks)
    texts = tuple(name for name in names if isinstance(name, str))
    if len(texts) < len(names):
        raise UsageError("bundle takes trained networks by the names that they get: {'mine': network, 'nin': other}")
    return texts
