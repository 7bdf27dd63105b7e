"""What `build` and `bundle show` say of a bundle's networks."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_bundle import tiny_bundle

from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.cli.build import show


def trained(entry: NetworkEntry, epochs: int) -> NetworkEntry:
    """The same network, from the zoo, after so many epochs."""
    return entry.model_copy(update={"training": entry.training.model_copy(update={"epochs": epochs, "zoo": "a"})})


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        ((17, 17), ["accuracy: from the zoo,"]),
        ((17, 30), ["accuracy of dense: from the zoo,", "accuracy of sparse: from the zoo,"]),
    ],
)
def test_how_each_network_was_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], epochs: tuple[int, int], said: list[str]
) -> None:
    bundle = tiny_bundle(tmp_path)
    networks = tuple(map(trained, bundle.manifest.networks, epochs))
    show(replace(bundle, manifest=bundle.manifest.model_copy(update={"networks": networks})))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("accuracy")]
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))
