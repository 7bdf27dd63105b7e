"""Each check of this machine."""

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

from sis_edge.doctor import host as checks
from sis_edge.doctor.host import ThisHost
from sis_edge.errors import UsageError
from sis_edge.native import toolchain


@pytest.fixture
def this(tmp_path: Path) -> ThisHost:
    ssh = tmp_path / "home/.ssh"
    ssh.mkdir(parents=True)
    (ssh / "id_ed25519").write_text("key")
    (ssh / "id_ed25519").chmod(0o600)
    return ThisHost(tmp_path, tmp_path / "cache/not yet", tmp_path / "home", (3, 12), {})


def test_python(this: ThisHost) -> None:
    assert checks.python(this).level == "ok"
    newer = checks.python(ThisHost(python=(3, 99)))
    assert (newer.level, "3.99" in newer.said) == ("warning", True)


def test_packages(this: ThisHost, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy>=1.26", "nowhere-to-be-found>=2", "pydantic<1", "pytest>=99; extra == 'test'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    answer = checks.packages(this)
    assert (answer.level, answer.exit_code) == ("error", 1)
    assert "nowhere-to-be-found is missing, pydantic is " in answer.said
    assert str(answer.fix).endswith("-m pip install 'nowhere-to-be-found>=2' 'pydantic<1'")
    lines[1:] = []
    assert checks.packages(this).level == "ok"

    def missing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert checks.packages(this).level == "not checked"


def test_extras(this: ThisHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in ("ray", "pip") else None)
    answer = checks.extras(this)
    assert answer.level == "ok"
    assert answer.said.startswith("installed: ray; not installed: native (")
    assert answer.said.endswith("-m pip install 'sis-edge[NAME]'` adds one")


def test_compiler(this: ThisHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(architecture: str) -> toolchain.Toolchain:
        if architecture == "aarch64":
            raise UsageError("none")
        return toolchain.Toolchain("gcc", architecture, ("gcc",), "12.2")

    monkeypatch.setattr(toolchain, "find", find)
    answer = checks.compiler(this)
    assert (answer.level, "no C compiler for aarch64:" in answer.said) == ("warning", True)
    assert str(answer.fix).endswith("-m pip install 'sis-edge[native]'")


def test_disk_and_cache(this: ThisHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free_bytes = 50 << 20
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free_bytes}))
    assert (checks.disk(this).level, checks.disk(this).exit_code) == ("error", 10)
    free_bytes = 1 << 30
    assert checks.disk(this).level == "warning"
    free_bytes = 100 << 30
    assert {checks.disk(this).level, checks.cache(this).level} == {"ok"}
    assert not this.cache.exists()
    (tmp_path / "file").touch()
    refused = checks.cache(ThisHost(cache=tmp_path / "file/cache"))
    assert (refused.level, refused.exit_code) == ("error", 10)
    assert "SIS_EDGE_CACHE" in str(refused.fix)


def test_ssh_keys(this: ThisHost) -> None:
    key = this.home / ".ssh/id_ed25519"
    assert checks.ssh_keys(this).said == "id_ed25519"
    key.chmod(0o644)
    assert checks.ssh_keys(this).fix == f"chmod 600 {key}"
    key.unlink()
    assert "ssh-keygen" in str(checks.ssh_keys(this).fix)
    with_agent = ThisHost(home=this.home, environment={"SSH_AUTH_SOCK": "/run/agent"})
    assert checks.ssh_keys(with_agent).said == "ssh-agent"
