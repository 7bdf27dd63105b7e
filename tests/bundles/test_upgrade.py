"""Bundles of older versions are read as today's, and go to a board as they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from recordings import old_bundle

from sis_edge import profiles
from sis_edge.board.deploy import deploy
from sis_edge.board.jobs import MeasuringOptions
from sis_edge.bundles.manifest import BUNDLE_VERSION, MANIFEST
from sis_edge.bundles.upgrade import UPGRADES
from sis_edge.bundles.verify import open_bundle, verify
from sis_edge.errors import BundleError
from sis_edge.transport import LocalTransport


def test_every_version_has_its_upgrade() -> None:
    assert sorted(UPGRADES) == list(range(1, BUNDLE_VERSION))


def test_a_bundle_of_version_3(tmp_path: Path) -> None:
    folder = old_bundle(tmp_path)
    written = (folder / MANIFEST).read_bytes()
    bundle = verify(folder)
    (network,) = bundle.manifest.networks
    assert (network.granularity.conv, network.granularity.micro) == ("kernel", "neuron")
    assert (network.form, network.precision, network.preset) == ("plain", "fp32", None)
    assert [(variant.form, variant.precision) for variant in network.variants] == [("plain", "int8")]
    assert network.sparse is not None
    assert network.sparse.network is not None
    assert (network.sparse.network.form, network.sparse.network.precision) == ("native", "fp32")
    assert bundle.manifest.reference is None
    assert (folder / MANIFEST).read_bytes() == written, "an old file is read, never changed"
    assert bundle.id == "4212a0dec260dc39", "what it was called when it was made"


def test_a_bundle_of_version_4(tmp_path: Path) -> None:
    bundle = verify(old_bundle(tmp_path, 4))
    (network,) = bundle.manifest.networks
    assert (network.granularity.conv, bundle.manifest.reference) == ("neuron", "small")
    assert (bundle.manifest.dataset, bundle.manifest.given) == ("digits", ())
    assert bundle.manifest.names == ["small"]


@pytest.mark.slow
def test_it_is_measured(tmp_path: Path) -> None:
    bundle = verify(old_bundle(tmp_path))
    local = profiles.load("local")
    short = {"rounds": 2, "min_inferences": 0, "min_time_s": 0, "inferences_per_round": 2, "memory_repeats": 1}
    profile = local.model_copy(update={"measuring": local.measuring.model_copy(update={**short, "sampler_pairs": 0})})
    options = MeasuringOptions(trust=True)  # its kernels were made on another machine
    record = deploy(bundle, LocalTransport(tmp_path / "board"), profile, networks=["small"], options=options)
    plain = record.networks[0]
    assert (plain.network, plain.form, plain.precision, plain.granularity) == ("small", "plain", "fp32", "kernel")
    assert plain.problem is None
    assert plain.golden is not None
    assert plain.golden.passed


@pytest.mark.parametrize("version", [1, 2])
def test_versions_1_and_2_lack_fields_only(tmp_path: Path, version: int) -> None:
    """What they did not have yet has defaults: no file of theirs is left, so this one is made of version 3."""
    folder = old_bundle(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["bundle_version"] = version
    for network in manifest["networks"]:
        for field in ("sparse", "engines", *(("variants", "opset", "preset_synapses") if version == 1 else ())):
            del network[field]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    network = open_bundle(folder).manifest.networks[0]
    assert (network.sparse, network.engines, network.granularity.conv) == (None, (), "kernel")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bundle_version": 99}, f"has bundle version 99, this sis-edge reads up to {BUNDLE_VERSION}; build it again"),
        ({"bundle_version": None}, "has bundle version None"),
        ({"networks": [{"name": "x"}]}, "is damaged"),
        ({"networks": 7}, "is damaged"),
        ({"dense": 7}, "is damaged"),
    ],
)
def test_what_is_not_of_its_version_is_named(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    folder = old_bundle(tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text()) | change
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=sentence):
        open_bundle(folder)
