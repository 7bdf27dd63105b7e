"""`verify`: any changed byte of a run or of its bundle is found, and what is not here is never called sound."""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sis_edge import datasets
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.cli import run as command
from sis_edge.errors import RecordError
from sis_edge.results import store
from sis_edge.results.schema import StoredRun
from sis_edge.verifying import chain
from tests.cli.test_json import check
from verifying.measured import Measured, flip


def states(found: Measured) -> dict[str, str]:
    return {each.subject: each.state for each in chain.verify(found.path, found.place / "build").links}


def test_a_whole_run(made: Measured) -> None:
    found = states(made)
    assert {subject for subject, state in found.items() if state != "ok"} == {"data set"}
    assert found.keys() >= {"run", "compression", "record", "manifest", "weights", "graphs", "data", "graph of nin"}


def test_any_byte_of_the_run_file(made: Measured, mine: Measured) -> None:
    """Every byte of the gzip file's frame, and some of what is between."""
    size = mine.path.stat().st_size
    places = {*range(12), *range(size - 12, size), *np.random.default_rng(0).integers(12, size, 40).tolist()}
    for at in places:
        mine.path.write_bytes(made.path.read_bytes())
        flip(mine.path, at)
        try:
            found = states(mine)
        except RecordError:
            continue
        assert {found["run"], found["compression"]} & {"changed", "not checked"}, at


def test_any_byte_of_its_text(made: Measured, mine: Measured) -> None:
    text = store.text(made.path.read_bytes(), made.path)
    plain = mine.path.with_name("a.json")
    end = range(len(text) - 90, len(text), 2)
    for at in (*end, *np.random.default_rng(1).integers(0, len(text), 20).tolist()):
        changed = bytearray(text)
        changed[at] ^= 1
        plain.write_bytes(changed)
        try:
            found = chain.verify(plain, mine.place / "build")
        except RecordError:
            continue
        assert "run" in [each.subject for each in found.changed], at


def test_a_changed_latency_and_one_more_space(made: Measured, mine: Measured) -> None:
    data = json.loads(store.text(made.path.read_bytes(), made.path))
    data["record"]["networks"][0]["rounds"][0]["latencies_s"][0] /= 2
    for text in (json.dumps(data, indent=1) + "\n", made.run.to_json().replace("\n}\n", "\n }\n")):
        mine.path.write_bytes(store.packed(text.encode()))
        assert states(mine)["run"] == "changed"


def test_other_compression_is_no_change_of_the_run(mine: Measured) -> None:
    text = store.text(mine.path.read_bytes(), mine.path)
    mine.path.write_bytes(gzip.compress(text, 1, mtime=0))
    assert (states(mine)["run"], states(mine)["compression"]) == ("ok", "not checked")
    mine.path.write_bytes(gzip.compress(text, 6, mtime=0) + b"\0")
    assert states(mine)["compression"] == "changed"


def test_a_run_without_a_digest(mine: Measured) -> None:
    data = json.loads(mine.run.to_json())
    del data["content_sha256"]
    mine.path.write_text(json.dumps(data, indent=1))
    found = chain.verify(mine.path, mine.place / "build")
    assert [each.text for each in found.unchecked if each.subject == "run"] == [
        "no digest was stored with it, so that only what the bundle's manifest vouches for can be checked"
    ]
    assert not found.changed


@pytest.mark.parametrize("name", ["run-1-jetson-nano", "run-5-x86-64"])
def test_runs_of_older_versions_are_not_called_changed(name: str, tmp_path: Path) -> None:
    """The second was compressed by hand: its gzip header has a name and a time."""
    found = chain.verify(Path(__file__).parents[1] / f"recorded/{name}.json.gz", tmp_path)
    assert not found.changed
    assert {each.subject for each in found.unchecked} >= {"run", "compression", "manifest", "bundle"}


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("networks/nin/model.onnx", "weights"),
        ("networks/nin/graph.npz", "graphs"),
        ("data/test_images.npy", "data"),
        ("networks/nin/golden_logits.npy", "data"),
        (MANIFEST, "bundle"),
    ],
)
def test_any_byte_of_the_bundle(mine: Measured, name: str, subject: str) -> None:
    path = mine.bundle.path / name
    size = path.stat().st_size
    for at in {0, size // 2, size - 1}:
        flip(path, at)
        assert states(mine)[subject] == "changed", at
        flip(path, at)
    path.unlink()
    assert states(mine)[subject] == ("changed" if name != MANIFEST else "not checked")


def test_a_forged_graph_with_the_right_file_hashes(mine: Measured) -> None:
    """The manifest's SHA-256 of the synapses is not that of the file that it lists."""
    entry = mine.run.manifest.networks[0].model_copy(update={"graph_sha256": "0" * 64})
    from sis_edge.bundles.verify import write_manifest

    manifest = mine.run.manifest.model_copy(update={"networks": (entry, *mine.run.manifest.networks[1:])})
    bundle = write_manifest(mine.bundle.path, manifest)
    record = mine.run.record._replace(job=mine.run.record.job._replace(bundle_id=bundle.id))
    run = mine.run.model_copy(update={"bundle_id": bundle.id, "manifest": manifest, "record": record})
    found = chain.verify(store.save(run, mine.place / "forged"), bundle)
    assert [each.subject for each in found.changed] == ["graph of nin"]


def test_parts_that_do_not_belong_together(mine: Measured) -> None:
    other = mine.run.model_copy(update={"bundle_id": "0" * 16})
    found = chain.verify(store.save(other, mine.place / "other"), mine.bundle)
    assert [each.subject for each in found.changed] == ["record", "bundle"]


def test_the_manifest_is_checked_without_the_bundle(mine: Measured) -> None:
    (mine.bundle.path).rename(mine.place / "away")
    assert {name: states(mine)[name] for name in ("manifest", "bundle")} == {"manifest": "ok", "bundle": "not checked"}
    manifest = mine.run.manifest.model_copy(update={"reference": "cifar10-sis3"})
    path = store.save(mine.run.model_copy(update={"manifest": manifest}), mine.place / "forged")
    found = {each.subject: each.state for each in chain.verify(path, mine.place / "build").links}
    assert found["manifest"] == "not checked"


def test_a_digest_is_of_the_file_and_not_of_the_run(made: Measured) -> None:
    run = store.load(made.path)
    assert run == made.run
    again = run.model_copy(update={"board": "elsewhere"})
    assert StoredRun.from_json(again.to_json(), "x") == again


def test_the_command(mine: Measured, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.place)
    assert command(["verify", "latest"]) == 0
    assert "not checked  data set: digits was not loaded" in capsys.readouterr().out
    monkeypatch.setattr(datasets, "load", lambda *_, **__: SimpleNamespace(sha256="0" * 64))
    assert command(["verify", "latest", "--data", "--json", "--strict"]) == 9
    document = check("verify", json.loads(capsys.readouterr().out))
    assert [each["subject"] for each in document["links"] if each["state"] == "changed"] == ["data set"]
    (mine.bundle.path).rename(mine.place / "away")
    assert command(["verify", "latest", "--strict"]) == 9
    assert "could be checked: bundle, data set" in capsys.readouterr().err
    assert command(["verify", "latest", "--bundle", "away"]) == 0
    assert command(["verify", "nothing"]) == 9
