"""What `audit` finds: which layers are 2:4 sparse, why not, and what TensorRT chose."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part, known
from sis_edge.cli.documents.bundles import BundleGranularity, granularity

if TYPE_CHECKING:
    from sis_edge.bundles.verify import Bundle
    from sis_edge.profiles import DeviceProfile
    from sis_edge.results.sparsity_audit import LayerAudit, NetworkAudit


class AuditedLayer(Part):
    """One layer. `why_not` says why sparse tensor cores cannot compute it, `chosen` whether TensorRT used them."""

    layer: str
    shape: tuple[int, ...]
    zeros: float
    is_eligible: bool
    why_not: str | None
    chosen: bool | None
    dense_s: float | None
    sparse_s: float | None


class AuditedNetwork(Part):
    """One network; median latencies of the engines without and with sparse kernels, of the same precision."""

    name: str
    granularity: BundleGranularity
    synapses: int
    preset_synapses: int | None
    opset: int | None
    precision: str | None
    dense_s: float | None
    sparse_s: float | None
    layers: tuple[AuditedLayer, ...]


class AuditDocument(Document):
    """`sis-edge audit`: the layers of a bundle's networks."""

    document: Literal["audit"] = "audit"
    bundle_id: str
    profile: str
    has_sparse_tensor_cores: bool
    networks: tuple[AuditedNetwork, ...]


def audited(bundle: "Bundle", board: "DeviceProfile", networks: "Sequence[NetworkAudit]") -> AuditDocument:
    """The document of an audit."""
    return AuditDocument(
        bundle_id=bundle.id,
        profile=board.name,
        has_sparse_tensor_cores=board.gpu is not None and board.gpu.sparse_24,
        networks=tuple(map(_network, networks)),
    )


def _network(network: "NetworkAudit") -> AuditedNetwork:
    entry, missing = network.entry, network.not_measured or "the run has no latency of it"
    return AuditedNetwork(
        name=entry.name,
        granularity=granularity(entry),
        synapses=entry.synapses,
        layers=tuple(_layer(layer, network) for layer in network.layers),
        **known(
            preset_synapses=(entry.preset_synapses, "a graph of the user's own, not a preset"),
            opset=(entry.opset, "the bundle does not say"),
            precision=(network.precision, missing),
            dense_s=(network.dense_s, missing),
            sparse_s=(network.sparse_s, missing),
        ),
    )


def _layer(layer: "LayerAudit", network: "NetworkAudit") -> AuditedLayer:
    missing = network.layers_not_timed or "the engine's profile does not name the layer"
    return AuditedLayer(
        layer=layer.weights.layer,
        shape=tuple(layer.weights.shape),
        zeros=layer.weights.zeros,
        is_eligible=layer.is_eligible,
        **known(
            why_not=(layer.why_not, "eligible"),
            chosen=(layer.chosen, network.not_measured or "the engine does not tell"),
            dense_s=(layer.dense_s, missing),
            sparse_s=(layer.sparse_s, missing),
        ),
    )
