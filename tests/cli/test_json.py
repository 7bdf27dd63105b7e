"""`--json`: one document on standard output, as its published schema says, and no null without a reason."""

import gzip
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command import sis_edge_here
from tiny_bundle import tiny_bundle

from sis_edge import profiles
from sis_edge.board import self_check
from sis_edge.board.measure import StoredFile
from sis_edge.board.self_check import Check
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.cli import app, run
from sis_edge.cli.documents import FILES, SCHEMAS, runs, schemas, zoo
from sis_edge.cli.documents.base import Part
from sis_edge.formation import Formation, form
from sis_edge.native import calibrations
from sis_edge.native.costs import fit
from sis_edge.results import store
from sis_edge.results.statistics import Interval, SpeedUp
from sis_edge.spec import nin
from sis_edge.transport import LocalTransport
from sis_edge.zoo.entry import entries, named
from tests.cli.test_bench import SHORT
from tests.cli.test_help import commands
from tests.native.hasty import make_hasty
from tests.native.test_costs import calibration
from tests.results.test_meter import recording
from tests.results.test_meter import run as metered

Stage = pytest.CaptureFixture[str]


def check(name: str, document: Any) -> Any:
    """Raises where a document is not what its schema says, or a null has no reason."""
    jsonschema.Draft202012Validator(schemas.schema(name)).validate(document)
    assert document["document"] == name
    assert document["document_version"] == 1
    assert list(unexplained(document)) == []
    return document


def unexplained(value: Any, place: str = "") -> Iterator[str]:
    """Places of nulls whose object does not say why."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from unexplained(each, f"{place}[{number}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            if each is None and not value.get("reasons", {}).get(name):
                yield f"{place}.{name}"
            yield from unexplained(each, f"{place}.{name}")


def printed(capsys: Stage, *words: str) -> Any:
    """The document that a command prints; it is all that stands on standard output."""
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_null_without_a_reason_is_a_bug() -> None:
    class Piece(Part):
        a: int | None

    with pytest.raises(ValueError, match="null and reasons disagree"):
        Piece(a=None)
    with pytest.raises(ValueError, match="null and reasons disagree"):
        Piece(a=1, reasons={"a": "why"})
    assert list(unexplained({"x": [{"a": None}], "reasons": {}})) == [".x[0].a"]


def test_every_command_that_prints_a_result_has_a_document() -> None:
    with_json = {"-".join(path) for path, command in commands() if "as_json" in [each.name for each in command.params]}
    without = {"-".join(path) for path, _ in commands()} - with_json
    assert without == {"zoo-add"}
    assert with_json - {"schema", "bundle-make"} == set(SCHEMAS) - {*FILES, "self-check", "cancel", "detach", "schemas"}


def test_form(capsys: Stage) -> None:
    found = check("form", printed(capsys, "form", "--preset", "svhn-sis3"))
    assert found["synapses"] == 82_288
    assert sum(layer["synapses"] for layer in found["layers"]) == 82_288
    assert found["reasons"] == {"difference": "no graph was given with --against"}
    graph = form(nin(), Formation(t_c=0.3))
    graph.save(Path("other.npz"))
    found = check("form", printed(capsys, "form", "--t-c", "25%", "--against", "other.npz"))
    assert found["preset"] is None
    assert sum(layer["in_both"] + layer["only_there"] for layer in found["difference"]) == graph.synapse_count


def test_predict(capsys: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sis_edge.board.calibrate.known", lambda board, say: calibration())
    words = ("predict", "--profile", "local", "--preset", "svhn-sis3")
    found = check("predict", printed(capsys, *words))
    assert found["speed_up"] == pytest.approx(found["dense_s"] / found["chosen_s"])
    assert found["pays"] is (found["speed_up"] > 1)
    assert found["int8_speed_up"] == pytest.approx(found["dense_s"] / found["int8_s"])
    assert run([*words]) == 0
    told = capsys.readouterr().out
    assert f"expected speed-up over dense NiN {found['speed_up']:.2f}x" in told
    assert f"In INT8, all by native kernels: {found['int8_s'] * 1e3:.2f} ms ({found['int8_speed_up']:.2f}x)" in told


def test_predict_names_the_algorithm_and_can_leave_out_winograds(
    capsys: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a board where Winograd's algorithm costs next to nothing, and INT8 was not timed."""
    old = calibration().model_copy(update={"int8": {}, "int8_instruction_set": None})
    cheap = fit(old)
    free = {kind: 0.0 if kind.startswith("products") else cost for kind, cost in cheap.native.items()}
    monkeypatch.setattr("sis_edge.board.calibrate.known", lambda board, say: old)
    monkeypatch.setattr("sis_edge.native.costs.fit", lambda calibration: replace(cheap, native=free))
    words = ("predict", "--profile", "local", "--preset", "cifar10-sis1")
    fast, exact = (check("predict", printed(capsys, *words, *more)) for more in ((), ("--exact",)))
    assert (fast["exact"], exact["exact"]) == (False, True)
    assert {layer["algorithm"] for layer in fast["layers"] if layer["layer"] in ("C2", "C3")} == {"winograd"}
    assert {layer["algorithm"] for layer in exact["layers"]} <= {"direct", None}
    assert exact["chosen_s"] > fast["chosen_s"]
    for layer in fast["layers"]:
        assert (layer["algorithm"] is None) is (layer["chosen"] == "dense")
    assert (fast["int8_s"], fast["int8_speed_up"]) == (None, None)
    assert run([*words]) == 0
    told = capsys.readouterr().out
    assert "native (Winograd)" in told
    assert f"In INT8 not known: {fast['reasons']['int8_s']}" in told
    assert "`sis-edge calibrate --again`" in fast["reasons"]["int8_s"]


def test_build_and_what_looks_at_a_bundle(capsys: Stage) -> None:
    form(nin(), Formation(t_c=0.05, t_p=0.1, conv="neuron")).save(Path("small.npz"))
    words = ["build", "--profile", "local", "--dataset", "digits", "--networks", "small.npz", "--epochs", "1"]
    words += ["--limit", "64", "--test-images", "40", "--precision", "fp32"]
    found = check("build", printed(capsys, *words))
    assert (found["was_done"], found["replaced"]) == (False, None)
    (network,) = found["bundle"]["networks"]
    assert network["reasons"]["preset_synapses"] == "a graph of the user's own, not a preset"
    for layer in network["native"]["layers"]:
        assert (layer["algorithm"] is None) is (layer["chosen"] == "dense")
    assert check("build", printed(capsys, *words))["was_done"] is True
    path = found["bundle"]["path"]
    shown = check("bundle-show", printed(capsys, "bundle", "show", path))
    assert shown["bundle"] == found["bundle"]
    verified = check("bundle-verify", printed(capsys, "bundle", "verify", path))
    assert verified["size_bytes"] == found["bundle"]["size_bytes"]
    audited = check("audit", printed(capsys, "audit", path))
    assert audited["has_sparse_tensor_cores"] is False
    assert {layer["is_eligible"] for layer in audited["networks"][0]["layers"]} == {False}
    manifest = json.loads((Path(path) / MANIFEST).read_text())
    jsonschema.Draft202012Validator(schemas.schema("bundle-manifest")).validate(manifest)

    other = [*words, "--test-images", "35"]
    assert run(other) == 0
    assert f"It replaces bundle {found['bundle']['bundle_id']} (small)" in capsys.readouterr().out
    replaced = check("build", printed(capsys, *words))["replaced"]
    assert replaced not in (None, found["bundle"]["bundle_id"])


@pytest.fixture
def short(tmp_path: Path) -> tuple[str, ...]:
    """Words that measure a tiny bundle for a moment."""
    tiny_bundle(tmp_path / "bundle")
    text = profiles.find("local").read_text(encoding="utf-8")
    (tmp_path / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, text), encoding="utf-8")
    return ("--profile", "short.toml")


@pytest.mark.slow
def test_bench_deploy_and_report(short: tuple[str, ...], tmp_path: Path) -> None:
    own = {"XDG_DATA_HOME": str(tmp_path / "data")}
    for name, bundle in (("bench", ("bundle",)), ("deploy", ("--bundle", "bundle"))):
        done = sis_edge_here(name, *bundle, *short, "--json", cwd=tmp_path, **own)
        assert done.returncode == 0, done.stderr
        found = check(name, json.loads(done.stdout))
        (measured,) = found["runs"]
        assert [network["network"] for network in measured["networks"]] == ["dense", "sparse"]
        assert store.load(tmp_path / measured["path"]).record.run_id == measured["run_id"]
    done = sis_edge_here("report", "--json", cwd=tmp_path)
    found = check("report", json.loads(done.stdout))
    assert all((tmp_path / file).exists() for file in found["files"])
    assert found["runs"] == [{key: value for key, value in measured.items() if key != "path"}]
    (stored,) = tmp_path.glob(f"runs/*{measured['run_id']}.json.gz")
    jsonschema.Draft202012Validator(schemas.schema("stored-run")).validate(
        json.loads(gzip.decompress(stored.read_bytes()))
    )


def test_an_error_leaves_standard_output_empty(short: tuple[str, ...], tmp_path: Path) -> None:
    own = {"XDG_DATA_HOME": str(tmp_path / "data")}
    done = sis_edge_here("bench", "bundle", *short, "--require-energy", "--json", cwd=tmp_path, **own)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.splitlines()[-1].startswith("Error: --require-energy, and dense has no energy")
    (stored,) = tmp_path.glob("runs/*.json.gz")
    assert f"run stored in runs/{stored.name}" in done.stderr
    (tmp_path / "bundle" / "networks" / "dense" / "model.onnx").unlink()
    done = sis_edge_here("bundle", "verify", "bundle", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert "networks/dense/model.onnx: missing" in done.stderr


def test_self_check(capsys: Stage, short: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    found = Check("dense", SpeedUp(1.004, Interval(0.99, 1.01), 20), 1.01, 1e-3, 2e-3, 400)
    few = Check("sparse", SpeedUp(1.004, None, 2), 1.01, 1e-3, 2e-3, 400)
    monkeypatch.setattr(self_check, "run", lambda *_, **__: [found, few])
    shown = check("self-check", printed(capsys, "bench", "bundle", "--self-check"))
    assert [each["p50_ratio_low"] for each in shown["checks"]] == [0.99, None]


def test_quickstart_says_where_everything_is() -> None:
    results = runs.stored([StoredFile(metered(), Path("runs/a.json"))])
    found = runs.QuickstartDocument(runs=results, bundle="build/quickstart", files=("reports/index.html",))
    check("quickstart", json.loads(found.model_dump_json()))


def test_meter(capsys: Stage, tmp_path: Path) -> None:
    path = store.save(metered(), tmp_path / "runs")
    made = recording(4.5)
    lines = ["time_s,power_w", *(f"{time},{power}" for time, power in zip(made.times_s, made.power_w, strict=True))]
    Path("plug.csv").write_text("\n".join(lines) + "\n")
    found = check("meter", printed(capsys, "meter", str(path), "plug.csv"))
    assert found["runs"][0]["path"] != str(path)
    assert Path(found["runs"][0]["path"]).exists()


def test_a_report_of_all_runs_leaves_the_bundles_report_alone(capsys: Stage, tmp_path: Path) -> None:
    run = metered()
    store.save(run, tmp_path / "runs")
    later = run.model_copy(update={"stored_at": run.stored_at + timedelta(seconds=1)})
    store.save(later, tmp_path / "runs")
    own = check("report", printed(capsys, "report"))
    every = check("report", printed(capsys, "report", "--all"))
    assert [len(found["runs"]) for found in (own, every)] == [1, 1]
    assert {str(Path(file).parent) for file in own["files"]} == {f"reports/{run.manifest.name}"}
    assert {str(Path(file).parent) for file in every["files"]} == {"reports/all-runs", "reports/all-runs/runs"}


def test_sweep(capsys: Stage) -> None:
    words = ["sweep", "--dataset", "digits", "--t-c", "0.05", "--t-p", "0.1", "--granularity", "neuron"]
    words += ["--epochs", "1", "--limit", "64", "--held-out", "100", "--precision", "fp32"]
    one = check("sweep", printed(capsys, *words))
    assert one["structures"][0]["reasons"] == {"spread": "one seed: no spread over seeds is known"}
    two = check("sweep", printed(capsys, *words, "--seeds", "0,1"))
    assert (two["done_before"], len(two["structures"][0]["trials"])) == (1, 2)
    assert all(Path(file).exists() for file in two["files"])


def test_calibrate(capsys: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_hasty(monkeypatch)
    monkeypatch.setattr(calibrations, "default_folder", lambda: tmp_path / "calibrations")
    monkeypatch.setattr("sis_edge.transport.connect", lambda *_, **__: LocalTransport(tmp_path / "board"))
    found = check("calibrate", printed(capsys, "calibrate"))
    assert found["profile"] == "local"
    assert found["dense_nin_s"] > 0


def test_profiles(capsys: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = check("profiles-list", printed(capsys, "profiles", "list"))
    assert [each["name"] for each in listed["profiles"]] == profiles.names()
    sound = check("profiles-check", printed(capsys, "profiles", "check"))
    assert [each["name"] for each in sound["profiles"]] == profiles.names()
    published = jsonschema.Draft202012Validator(schemas.schema("profile"))
    for name in profiles.names():
        published.validate(tomllib.loads(profiles.find(name).read_text(encoding="utf-8")))
        shown = check("profiles-show", printed(capsys, "profiles", "show", name))
        published.validate(shown["profile"])
        assert profiles.validate(shown["profile"]) == profiles.load(name)
    assert not published.is_valid({"name": "x"})
    monkeypatch.setattr("sis_edge.transport.connect", lambda *_, **__: LocalTransport(tmp_path))
    assert check("profiles-detect", printed(capsys, "profiles", "detect"))["board"] == "local"


def test_zoo(capsys: Stage) -> None:
    listed = check("zoo-list", printed(capsys, "zoo", "list"))
    assert [each["name"] for each in listed["networks"]] == [entry.name for entry in entries()]
    for network in listed["networks"]:
        shown = check("zoo-show", printed(capsys, "zoo", "show", network["name"]))
        assert shown["network"] == network
    written = check("zoo-report", printed(capsys, "zoo", "report", "--output", "here"))
    assert all(Path(file).exists() for file in written["files"])
    again = zoo.evaluated(named("nin"), entries(), 0.92, 10_000, 0.0005)
    check("zoo-evaluate", json.loads(again.model_dump_json()))


def test_datasets(capsys: Stage) -> None:
    assert "cifar10" in check("datasets-list", printed(capsys, "datasets", "list"))["datasets"]
    found = check("datasets-fetch", printed(capsys, "datasets", "fetch", "digits"))
    assert (found["train_images"], found["test_images"], len(found["classes"])) == (1297, 500, 10)


def test_schemas(capsys: Stage) -> None:
    listed = check("schemas", printed(capsys, "schema"))
    assert [each["name"] for each in listed["schemas"]] == list(SCHEMAS)
    assert [each["name"] for each in listed["schemas"] if each["command"] is None] == list(FILES)
    for name in SCHEMAS:
        assert run(["schema", name]) == 0
        plain = json.loads(capsys.readouterr().out)
        jsonschema.Draft202012Validator.check_schema(plain)
        assert printed(capsys, "schema", name) == plain
    assert run(["schema"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert all(name in text for name in SCHEMAS)
    assert run(["schema", "zoo-lst"]) == 2
    assert "did you mean zoo-list? `sis-edge schema` shows all" in capsys.readouterr().err


def test_the_commands_of_the_schemas_exist() -> None:
    known = {" ".join(path) for path, _ in commands()}
    for each in schemas.listed().schemas:
        if each.command is not None:
            assert each.command.partition(" --")[0] in known
    assert app.info.name == "sis-edge"
