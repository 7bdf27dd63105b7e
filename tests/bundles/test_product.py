"""The files for a product: both sample clients compute what ONNX Runtime computes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clients import c_client, logits, python_client, ran
from tiny_bundle import tiny_bundle

from sis_edge.bundles.product import export_product
from sis_edge.cli import run


def test_both_clients_give_the_golden_logits(tmp_path: Path) -> None:
    bundle, product = tiny_bundle(tmp_path / "bundle"), tmp_path / "product"
    assert run(["export", str(bundle.path), "--to", str(product), "--network", "sparse"]) == 0
    golden = np.load(bundle.path / "networks/sparse/golden_logits.npy")
    model, images = product / "model.onnx", bundle.path / "data/golden_inputs.npy"
    client = c_client(product)
    for found in (logits(*python_client(product), model, images), logits(client, model, images)):
        assert found.shape == golden.shape
        assert np.abs(found - golden).max() < 1e-4
    refused(client, product)


def refused(client: Path, product: Path) -> None:
    """Files that are not what the network takes, or are damaged."""
    model, images = product / "model.onnx", product / "images.npy"
    pixels = np.zeros((2, 3, 32, 32), np.uint8)
    for wrong in (pixels.astype(np.float32), pixels[:, :, :31], pixels[0]):
        np.save(images, wrong)
        assert code(client, model, images) == 2
    assert code(*python_client(product), model, images) == 1
    assert code(client, model, model) == 2
    assert code(client, model) == 2
    np.save(images, np.asfortranarray(pixels))
    assert code(client, model, images) == 2
    np.save(images, pixels)
    assert code(client, images, images) == 1
    assert code(client, model, images, model) == 1, "a model is no library"
    images.write_bytes(images.read_bytes()[:-1])
    assert code(client, model, images) == 1


def code(*command: str | Path) -> int:
    done = ran(*command)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode


@pytest.mark.parametrize("fewest", ["dense", "sparse"])
def test_the_network_of_the_fewest_synapses_is_exported(fewest: str, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    networks = tuple(
        entry.model_copy(update={"synapses": 20 if entry.name == fewest else 30}) for entry in bundle.manifest.networks
    )
    export_product(
        replace(bundle, manifest=bundle.manifest.model_copy(update={"networks": networks})), tmp_path / "new"
    )
    assert (tmp_path / "new/README.md").read_text().startswith(f"# {fewest}\n")


def test_what_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    assert run(["export", str(bundle.path), "--to", str(bundle.path)]) == 2
    assert "holds something already" in capsys.readouterr().err
    assert run(["export", str(bundle.path), "--to", str(tmp_path / "new"), "--network", "spars"]) == 2
    assert "did you mean sparse" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
