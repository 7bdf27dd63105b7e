"""What `make` installs: the locks hold everything that pyproject.toml asks for, by exact version and by hash."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = tuple(PROJECT["dependency-groups"])
LOCKS = ("base", "all", "rtx", *GROUPS, "uv")
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; [^\\]+)?(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$"
)


def locked(name: str) -> dict[str, set[str]]:
    """The packages of a lock and their versions; systems and Pythons may have versions of their own."""
    found: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    for entry in re.split(r"\n(?! )", "\n".join(line for line in text.splitlines() if not line.startswith("#"))):
        parts = ENTRY.match(entry)
        assert parts is not None, f"{name}: {entry.splitlines()[0]} has no exact version, or a file without SHA-256"
        found.setdefault(parts["name"], set()).add(parts["version"])
    return found


def asked(name: str) -> list[Requirement]:
    """What the project and this extra or group need, but torch."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *(extras | PROJECT["dependency-groups"])[name]]
    found = [Requirement(line) for line in lines]
    for requirement in [each for each in found if each.name == "sis-edge"]:
        found.remove(requirement)
        found += [Requirement(line) for each in requirement.extras for line in extras[each]]
    return [requirement for requirement in found if requirement.name != "torch"]


@pytest.mark.parametrize("name", LOCKS)
def test_torch_is_in_none(name: str) -> None:
    assert "torch" not in locked(name)
    assert not [package for package in locked(name) if package.startswith("nvidia-")]


@pytest.mark.parametrize("name", ["all", "rtx", *GROUPS])
def test_the_locks_hold_what_is_asked_for(name: str) -> None:
    base = locked("base") | (locked("all") if name == "test" else {})
    more = locked(name)
    assert not (base.keys() & more.keys()) - {"colorama"}, "each package stands once"
    for requirement in asked(name):
        versions = (base | more).get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not locked: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_what_builds_it_and_what_torch_needs_is_there_too() -> None:
    needed = [Requirement(line) for line in (*PROJECT["build-system"]["requires"], *(requires("torch") or ()))]
    base = locked("base")
    for requirement in needed:
        is_needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_needed and not requirement.name.startswith(("nvidia-", "cuda-", "triton")):
            versions = base.get(canonicalize_name(requirement.name), set())
            assert versions, requirement
            assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_the_locks_have_the_versions_of_the_constraints() -> None:
    every: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, versions in locked(name).items():
            every.setdefault(package, set()).update(versions)
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith(("#", "torch==")):
            package, version = line.split("==")
            assert every[canonicalize_name(package)] == {version}


def test_there_is_no_lock_of_what_is_not_asked_for() -> None:
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(LOCKS)


def test_the_locks_agree() -> None:
    """Any of them can be installed into one environment, after any other."""
    versions: dict[str, set[frozenset[str]]] = {}
    for name in LOCKS:
        for package, found in locked(name).items():
            versions.setdefault(package, set()).add(frozenset(found))
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_make_installs_by_hash_and_nothing_else() -> None:
    """Every installation but torch's and our own, which bring nothing else along."""
    text = (ROOT / "Makefile").read_text()
    assert "LOCKED := --no-deps --no-build-isolation --require-hashes --requirement\n" in text
    lines = [line for line in text.splitlines() if re.search(r"\$\((PIP|UV)\)", line)]
    others = [line for line in lines if "$(LOCKED) " not in line]
    assert (len(lines), len(others)) == (7, 4), lines
    assert all("torch" in line or "--no-deps --no-build-isolation --editable ." in line for line in others)
