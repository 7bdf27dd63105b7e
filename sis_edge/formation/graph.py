"""The synaptic graph: which neurons and synapses of a network exist. A file of its own.

File format (a numpy `.npz`, read without pickle), version 1:

    header      JSON: format version, network, formation, digest
    <layer>/n   existing neurons, packed bits
    <layer>/s   existing synapses [filters, inputs, kernel, kernel], packed bits
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import UsageError
from sis_edge.files.archives import DAMAGED
from sis_edge.files.disk import writing
from sis_edge.files.paths import AnyPath
from sis_edge.formation.formation import Formation
from sis_edge.spec import LayerSpec, NetworkSpec
from sis_edge.text.foreign import loads, one_line
from sis_edge.text.tables import as_html, as_text

FORMAT_VERSION = 1
_HEADINGS = ("layer", "kernel", "neurons", "synapses", "density", "MMAC")

OVERFLOW = (OverflowError, MemoryError)

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LayerGraph:
    """What exists of one layer, in the dense layer's coordinates.

    `neurons` is bool [filters]; `synapses` is bool [filters, inputs, kernel, kernel] and holds True only between
    existing neurons.
    """

    spec: LayerSpec
    neurons: Mask
    synapses: Mask

    @property
    def synapse_count(self) -> int:
        """Existing synapses."""
        return int(self.synapses.sum())

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image: each synapse works once at every output position."""
        return self.synapse_count * self.spec.positions


@dataclass(frozen=True)
class GraphDifference:
    """How the synapses of one layer differ between two graphs, in counts."""

    layer: str
    shared: int
    only_first: int
    only_second: int


@dataclass(frozen=True, eq=False)
class SynapticGraph:
    """Which neurons and synapses of `spec` exist, and the formation that decided it."""

    spec: NetworkSpec
    formation: Formation
    layers: tuple[LayerGraph, ...]

    @property
    def conv_synapses(self) -> int:
        """Synapses in convolutional layers, the paper's CL."""
        return sum(layer.synapse_count for layer in self.layers if layer.spec.group == "CL")

    @property
    def micro_synapses(self) -> int:
        """Synapses in micro networks, the paper's MP."""
        return sum(layer.synapse_count for layer in self.layers if layer.spec.group == "MP")

    @property
    def synapse_count(self) -> int:
        """All synapses."""
        return self.conv_synapses + self.micro_synapses

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def architectural_efficiency(self) -> float:
        """Synapses of the dense network over those of this one (the paper's Arch. Eff.)."""
        return self.spec.synapse_count / self.synapse_count

    @property
    def mac_ratio(self) -> float:
        """Multiply-accumulates of the dense network over those of this one."""
        return self.spec.macs / self.macs

    def digest(self) -> str:
        """SHA-256 over the layers and every bit of what exists: equal for equal graphs, whatever formed them."""
        sha = hashlib.sha256(json.dumps(self.spec.as_dict(), sort_keys=True).encode())
        for layer in self.layers:
            sha.update(_pack(layer.neurons).tobytes())
            sha.update(_pack(layer.synapses).tobytes())
        return sha.hexdigest()

    def difference(self, other: "SynapticGraph") -> list[GraphDifference]:
        """Per layer, how many synapses both graphs have and how many only one; raises UsageError across networks."""
        if self.spec != other.spec:
            raise UsageError(f"graphs of different networks cannot be compared: {self.spec.name}, {other.spec.name}")
        return [
            GraphDifference(
                one.spec.name,
                int((one.synapses & two.synapses).sum()),
                int((one.synapses & ~two.synapses).sum()),
                int((~one.synapses & two.synapses).sum()),
            )
            for one, two in zip(self.layers, other.layers, strict=True)
        ]

    @property
    def _title(self) -> str:
        formation = self.formation
        fewer = f"{self.architectural_efficiency:.2f}x fewer"
        return (
            f"{self.synapse_count:,} synapses of {self.spec.synapse_count:,} ({fewer}), "
            f"t_c {formation.t_c:g} ({formation.units}), t_p {formation.t_p:g} ({formation.micro}), "
            f"{formation.distribution}, seed {formation.seed}"
        )

    def _layer_rows(self) -> list[list[str]]:
        return [
            [
                layer.spec.name,
                f"{layer.spec.kernel}x{layer.spec.kernel}",
                f"{int(layer.neurons.sum())}/{layer.spec.filters}",
                f"{layer.synapse_count:,}",
                f"{layer.synapse_count / layer.spec.synapse_count:.1%}",
                f"{layer.macs / 1e6:.2f}",
            ]
            for layer in self.layers
        ]

    def __repr__(self) -> str:
        return as_text(_HEADINGS, self._layer_rows(), title=self._title)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return as_html(_HEADINGS, self._layer_rows(), title=self._title)

    def save(self, path: AnyPath) -> None:
        """Write the graph to a file; the same graph gives the same bytes. Raises DiskError."""
        path = Path(path)
        header = {
            "format": FORMAT_VERSION,
            "network": self.spec.as_dict(),
            "formation": self.formation.as_dict(),
            "digest": self.digest(),
        }
        arrays = {"header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)}
        for layer in self.layers:
            arrays[f"{layer.spec.name}/n"] = _pack(layer.neurons)
            arrays[f"{layer.spec.name}/s"] = _pack(layer.synapses)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: AnyPath) -> "SynapticGraph":
        """Read a graph and check its digest; raises UsageError with what is wrong."""
        path = Path(path)
        try:
            # Opened here, for numpy leaves a file that it refuses open.
            with path.open("rb") as source, np.load(source, allow_pickle=False) as file:
                header = loads(bytes(file["header"]), longest=None)
                digest = header["digest"]
                if header["format"] != FORMAT_VERSION:
                    raise UsageError(
                        f"{path} has graph format {header['format']}, this sis-edge reads {FORMAT_VERSION}; "
                        "form the graph again or use the sis-edge that wrote it"
                    )
                layers = tuple(LayerSpec(**layer) for layer in header["network"].pop("layers"))
                spec = NetworkSpec(**header["network"], layers=layers)
                graph = cls(
                    spec,
                    _formation(header["formation"]),
                    tuple(
                        LayerGraph(
                            layer,
                            _unpack(file[f"{layer.name}/n"], (layer.filters,)),
                            _unpack(file[f"{layer.name}/s"], layer.weight_shape),
                        )
                        for layer in layers
                    ),
                )
        except FileNotFoundError:
            raise UsageError(f"there is no graph file {path}; `sis-edge form` writes one") from None
        except (OSError, TypeError, AttributeError, *OVERFLOW, *DAMAGED) as error:
            raise UsageError(
                f"{path} is not a readable graph file ({reason(path, error)}); `sis-edge form` writes one"
            ) from error
        if graph.digest() != digest:
            raise UsageError(f"{path} is damaged: its synapses do not match its digest; form the graph again")
        return graph

    @classmethod
    def from_masks(
        cls,
        spec: NetworkSpec,
        masks: Mapping[str, NDArray[Any]],
        *,
        neurons: Mapping[str, NDArray[Any]] | None = None,
        name: str = "own",
    ) -> "SynapticGraph":
        """A graph of one's own: the synapses of each layer, bool [filters, inputs / groups, kernel, kernel].

        `neurons` (bool [filters]) may be given for any layer; else those with a synapse on either side exist, and
        every class. Raises UsageError for what does not fit `spec`, and without a path from the image to a class.
        """
        from sis_edge.formation import masks as plain

        return plain.from_masks(spec, masks, neurons or {}, name)

    def save_masks(self, path: AnyPath) -> None:
        """Write the graph as an `.npz` with a bool array for each layer, see `formation.masks`; raises DiskError."""
        from sis_edge.formation import masks as plain

        plain.save_masks(self, Path(path))

    @classmethod
    def load_masks(cls, path: AnyPath, spec: NetworkSpec) -> "SynapticGraph":
        """Read such an `.npz`, which numpy alone may have written; raises UsageError as `from_masks` does."""
        from sis_edge.formation import masks as plain

        return plain.load_masks(Path(path), spec)


def reason(path: Path, error: Exception) -> str:
    """Why a file is not a graph, in words that do not come from numpy where those mislead."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if not zipfile.is_zipfile(path):
        return "it is not an .npz file, or is cut short"
    if isinstance(error, KeyError):
        return f"it lacks {one_line(str(error.args[0]).partition(' is not a file')[0])}"
    return one_line(str(error)) or type(error).__name__


def _formation(fields: dict[str, Any]) -> Formation:
    """The parameters of a file; raises TypeError where a name is none."""
    for name in ("conv", "micro", "distribution"):
        if not isinstance(fields.get(name, ""), str):
            raise TypeError(f"{name} is not a name")
    return Formation(**fields)


def _pack(mask: Mask) -> NDArray[np.uint8]:
    return np.packbits(mask.ravel(), bitorder="little")


def _unpack(bits: NDArray[np.uint8], shape: tuple[int, ...]) -> Mask:
    count = math.prod(shape)
    if bits.size != -(-count // 8):
        raise ValueError(f"{bits.size} bytes of bits for the shape {shape}")
    return np.unpackbits(bits, count=count, bitorder="little").astype(np.bool_).reshape(shape)
