"""The version of everything that is computed here: a hash of the code itself, which nobody can forget to raise."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("sis_edge", "sis_agent")
LIBRARIES = ("numpy", "scipy", "jinja2")
"""What figures and pages come from, beside our own code."""

KINDS = frozenset((".py", ".j2", ".css", ".html", ".js", ".toml"))


@cache
def code_sha256() -> str:
    """SHA-256 over every file of our code and templates, and the versions of the libraries that results depend on."""
    digest = hashlib.sha256()
    for name in PACKAGES:
        spec = find_spec(name)
        assert spec is not None  # they are running
        digest.update(_of_folder(Path(str(spec.origin)).parent).encode())
    for library in LIBRARIES:
        digest.update(f"{library} {_version(library)}\n".encode())
    return digest.hexdigest()


def _of_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in KINDS and path.is_file():
            data = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
