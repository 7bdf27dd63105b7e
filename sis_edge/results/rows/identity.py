"""Which form of which network a row is about."""

from dataclasses import dataclass

from sis_edge.bundles.manifest import NetworkEntry


@dataclass(frozen=True)
class NetworkIdentity:
    """What tells the forms of a network apart (see `bundles.identity`); `label` is how one is shown.

    `network` is the bundle's name, `granularity` has the units of its graph, for people. The others' speed-ups are over
    the one that `is_reference`.
    """

    label: str
    network: str
    form: str
    precision: str
    granularity: str
    is_reference: bool


def network_identity(entry: NetworkEntry, network: str, *, is_reference: bool) -> NetworkIdentity:
    """The identity of a form of a network, by its entry of `StoredRun.networks` and the bundle's name."""
    return NetworkIdentity(
        label=entry.name,
        network=network,
        form=entry.form,
        precision=entry.precision,
        granularity=entry.granularity.words,
        is_reference=is_reference,
    )
