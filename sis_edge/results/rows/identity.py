"""Which form of which network a row is about."""

from dataclasses import dataclass

from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.results.rows.figure import Figure
from sis_edge.results.rows.structure import NOT_FORMED
from sis_edge.results.schema import KnownNetwork


@dataclass(frozen=True)
class NetworkIdentity:
    """What tells the forms of a network apart (see `bundles.identity`); `label` is how one is shown.

    `network` is the bundle's name, `granularity` has the units of its graph, for people, `runtime` is what ran it. The
    others' speed-ups are over the one that `is_reference`; `is_given` is a network that sis-edge did not form.
    """

    label: str
    network: str
    form: str
    precision: str
    granularity: Figure[str]
    runtime: str
    is_reference: bool
    is_given: bool


def network_identity(entry: KnownNetwork, network: str, runtime: str, *, is_reference: bool) -> NetworkIdentity:
    """The identity of a form of a network, by its entry of `StoredRun.networks` and the bundle's name."""
    is_given = isinstance(entry, GivenNetwork)
    words = None if isinstance(entry, GivenNetwork) else entry.granularity.words
    return NetworkIdentity(
        label=entry.name,
        network=network,
        form=entry.form,
        precision=entry.precision,
        granularity=Figure.of(words, NOT_FORMED),
        runtime=runtime,
        is_reference=is_reference,
        is_given=is_given,
    )
