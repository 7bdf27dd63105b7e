"""Measuring by the front door: here, on a simulated board, and what cannot be measured."""

from pathlib import Path

import pytest
from sshd import free_port
from tiny_bundle import tiny_bundle

import sis_edge
from sis_edge.errors import BundleError, TransportError, UsageError
from sis_edge.results import store


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sis_edge.Bundle:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tiny_bundle(tmp_path / "tiny")


@pytest.mark.slow
def test_runs_are_objects_and_stored(bundle: sis_edge.Bundle, tmp_path: Path) -> None:
    events = []
    runs = sis_edge.measure(
        bundle.path, length="quick", networks=["dense", "sparse"], runs_dir=tmp_path / "runs", on_event=events.append
    )
    (run,) = runs
    assert store.load(run.path) == run.stored
    assert [stored.run_id for stored in sis_edge.load_runs(tmp_path / "runs")] == [run.run_id]
    assert not run.simulated
    assert set(run.speed_ups()) == {"sparse"}
    speed_up, low, high = run.speed_ups()["sparse"]
    assert low is not None
    assert high is not None
    assert low <= speed_up <= high
    assert events


def test_what_cannot_be_measured(bundle: sis_edge.Bundle, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the simulated board nano-sim brings its own profile"):
        sis_edge.measure(bundle, "pi5.local", board="nano-sim")
    with pytest.raises(UsageError, match="unknown simulated board 'nano'"):
        sis_edge.measure(bundle, board="nano")
    with pytest.raises(BundleError, match="is not a bundle"):
        sis_edge.measure(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="quik"):
        sis_edge.measure(bundle, length="quik")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="spars"):
        sis_edge.measure(bundle, networks=["spars"])


def test_a_host_may_be_a_name_of_the_inventory(
    bundle: sis_edge.Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    port = free_port()
    Path("boards.toml").write_text(f'[boards.here]\nhost = "127.0.0.1"\nport = {port}\nprofile = "local"\n')
    with pytest.raises(TransportError, match=f"127.0.0.1 port {port} cannot be reached"):
        sis_edge.measure(bundle, "here")
    Path("boards.toml").write_text('[boards.here]\nhost = "127.0.0.1"\nprofile = "own.toml"\n')
    with pytest.raises(UsageError, match=r"own\.toml cannot be read"):
        sis_edge.measure(bundle, "here")
