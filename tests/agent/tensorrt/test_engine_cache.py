import json
from pathlib import Path
from typing import Any

import pytest

from sis_agent.runners import engine_cache
from sis_agent.runners.engine_cache import EngineCache

PARTS: dict[str, Any] = {
    "onnx_sha256": "a" * 64,
    "tensorrt": "10.3.0",
    "gpu": "Orin",
    "compute_capability": "8.7",
    "precision": "fp16",
    "sparse_weights": True,
    "batch_size": 1,
}


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    cache = EngineCache(str(tmp_path / "engines"), "25W")
    cache.make()
    return cache


def put(cache: EngineCache, **parts: Any) -> str:
    key = cache.key(**{**PARTS, **parts})
    Path(cache.path(key, ".plan")).write_bytes(b"a plan")
    cache.put(key, {**PARTS, **parts}, {"build_s": 1.5})
    return key


def test_an_engine_is_found_again_with_what_its_build_reported(cache: EngineCache) -> None:
    key = put(cache)
    found = cache.find(key)
    assert found is not None
    assert (found.plan_bytes, found.report) == (6, {"build_s": 1.5})
    assert Path(found.plan_path).read_bytes() == b"a plan"
    sealed = json.loads(Path(cache.path(key, ".json")).read_text())
    assert sealed["key"] == {**PARTS, "power_mode": "25W"}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_another_part_is_another_engine(cache: EngineCache, part: str) -> None:
    put(cache)
    assert cache.find(cache.key(**{**PARTS, part: "other"})) is None


def test_another_power_mode_is_another_engine_and_other_timings(cache: EngineCache) -> None:
    key = put(cache)
    other = EngineCache(cache.folder, "15W")
    assert other.find(other.key(**PARTS)) is None
    assert other.timing_path(gpu="Orin") != cache.timing_path(gpu="Orin")
    assert EngineCache(cache.folder, "25W").key(**dict(reversed(PARTS.items()))) == key


@pytest.mark.parametrize("damage", ["plan", "no plan", "seal", "no seal", "strange seal"])
def test_a_damaged_engine_is_not_found(cache: EngineCache, damage: str) -> None:
    key = put(cache)
    plan, seal = Path(cache.path(key, ".plan")), Path(cache.path(key, ".json"))
    {
        "plan": lambda: plan.write_bytes(b"a plam"),
        "no plan": plan.unlink,
        "seal": lambda: seal.write_text("{"),
        "no seal": seal.unlink,
        "strange seal": lambda: seal.write_text("[]"),
    }[damage]()
    assert cache.find(key) is None


def test_dropping_an_engine_leaves_the_timings(cache: EngineCache) -> None:
    key = put(cache)
    timings = Path(cache.timing_path(gpu="Orin"))
    timings.write_bytes(b"timings")
    cache.drop(key)
    cache.drop(key)
    assert [path.name for path in Path(cache.folder).iterdir()] == [timings.name]


def test_a_worker_finds_the_cache_of_its_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv(engine_cache.POWER_MODE_VARIABLE, "MAXN")
    found = engine_cache.of_this_job()
    assert (found.folder, found.power_mode) == (str(tmp_path), "MAXN")
    monkeypatch.delenv(engine_cache.FOLDER_VARIABLE)
    monkeypatch.delenv(engine_cache.POWER_MODE_VARIABLE)
    found = engine_cache.of_this_job()
    assert found.folder == str(Path("~/.sis-edge/engines").expanduser())
    assert found.power_mode is None
