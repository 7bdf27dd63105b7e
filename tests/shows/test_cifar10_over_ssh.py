"""The real CIFAR-10, built on a short subset, measured over a real OpenSSH server, and every number checked again."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from command import sis_edge
from sshd import Server

from sis_edge import profiles
from sis_edge.bundles.verify import Bundle, verify
from sis_edge.datasets import load
from sis_edge.exporting.parity import run_onnx
from sis_edge.files.cache import cache_root

pytestmark = pytest.mark.slow

BUILD = (
    *("build", "--profile", "local", "--dataset", "cifar10", "--networks", "nin,cifar10-sis3"),
    *("--epochs", "1", "--limit", "512"),
)
SHORT = "[measuring]\nmin_inferences = 100\nmin_time_s = 2\nmemory_repeats = 1\nprocesses = 1\nsampler_pairs = 2\n\n"
"""How long is measured is of no interest here, but that every number is what was measured."""


def on_this_side(bundle: Bundle, model: str) -> int:
    """How many of the bundle's test images ONNX Runtime gets right here, normalised as the manifest says."""
    manifest = bundle.manifest
    images = np.load(bundle.path / manifest.test_images)
    how = manifest.preprocess
    mean, std = (np.array(part, np.float32).reshape(1, 3, 1, 1) for part in (how.mean, how.std))
    inputs = ((images.astype(np.float32) / np.float32(255) - mean) / std).astype(np.float32)
    answers = run_onnx(bundle.path / model, inputs).argmax(axis=1)
    return int((answers == np.load(bundle.path / manifest.test_labels)).sum())


def test_build_deploy_report(tmp_path: Path, server: Server) -> None:
    built = sis_edge(*BUILD, cwd=tmp_path, timeout=1200)
    assert built.returncode == 0, built.stderr
    assert "959,104" in built.stdout
    assert "240,784" in built.stdout
    bundle = verify(tmp_path / "build" / "local-cifar10")
    manifest = bundle.manifest
    data = load("cifar10", progress=False)
    assert manifest.dataset_sha256 == data.sha256
    assert np.array_equal(np.load(bundle.path / manifest.test_images), data.test.images[:500])
    assert [entry.paper_accuracy for entry in manifest.networks] == [0.8894, 0.8646]
    assert manifest.reference == "nin"

    again = sis_edge(*BUILD, cwd=tmp_path)
    assert again.stdout == "Nothing to do: build/local-cifar10 is complete and every file is sound.\n"

    local = profiles.find("local").read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, local), encoding="utf-8")
    deployed = sis_edge(
        *("deploy", "--profile", "short.toml", "--host", "127.0.0.1", "--port", str(server.port)),
        *("--identity", str(server.identity), "--known-hosts", str(server.known_hosts)),
        cwd=tmp_path,
        timeout=1200,
        HOME=str(server.client),
        SIS_EDGE_CACHE=str(cache_root()),  # by which this machine knows what it compiled
    )
    assert deployed.returncode == 0, deployed.stderr
    (stored,) = (tmp_path / "runs").glob("*.json.gz")

    reported = sis_edge("report", cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    (run,) = json.loads((tmp_path / "reports" / "local-cifar10" / "results.json").read_text())["runs"]
    record = json.loads(gzip.decompress(stored.read_bytes()))["record"]
    assert (run["bundle_id"], run["run_id"]) == (bundle.id, record["run_id"])
    rows = {row["network"]: row for row in run["networks"]}
    results = {network["name"]: network for network in record["networks"]}
    forms = {
        name: entry
        for entry in manifest.networks
        for name in (entry.name, f"{entry.name} (native kernels)")
        if name == entry.name or (entry.sparse is not None and entry.sparse.network is not None)
    }
    assert list(rows) == list(results) == list(forms)
    assert "cifar10-sis3 (native kernels)" in forms
    for form, entry in forms.items():
        row, measured = rows[form], results[form]
        for name in ("conv_synapses", "micro_synapses", "synapses", "macs", "macs_live", "mac_ratio", "paper_accuracy"):
            assert row[name] == getattr(entry, name)
        assert row["host_accuracy"] == pytest.approx(entry.training.host_accuracy, abs=0.05 * (form != entry.name))
        assert row["train_images"] == 512
        assert row["architectural_efficiency"] == pytest.approx(959_104 / entry.synapses)
        correct = on_this_side(bundle, entry.model)
        # An image whose two best logits agree to rounding may fall either way; more than two of 500 do not.
        assert abs(measured["accuracy"]["correct"] - correct) <= 2
        assert row["device_accuracy"] == measured["accuracy"]["correct"] / 500
        assert measured["golden"]["passed"]
        samples = [value for turn in measured["rounds"] for value in turn["latencies_s"]]
        assert row["samples"] == len(samples)
        assert row["latency_p50_s"] == pytest.approx(np.median(samples), rel=0.02)
    page = (tmp_path / "reports" / "local-cifar10" / "index.html").read_text(encoding="utf-8")
    assert "cifar10-sis3" in page
    assert "240,784" in page
