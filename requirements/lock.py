"""Write the locks beside this file: every package that `make` installs, by exact version and SHA-256 (`make lock`).

    base.txt               sis-edge itself, what builds it, and what torch needs
    all.txt rtx.txt        what these extras of pyproject.toml need beyond that
    test.txt lint.txt ...  what its dependency groups need; tests beyond `all`, which they run with
    uv.txt                 uv, which fetches torch's CPU build

They hold for every system and Python that sis-edge runs on, and each is complete: pip installs it without looking for
anything else. Versions are those of constraints.txt, else those that are locked by now, or with `--upgrade` the newest
that fit. torch itself is in none of them: its builds for CPUs and for each CUDA are other files, which are not all
published by hash in one place. constraints.txt pins its version.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PROJECT = ROOT / "pyproject.toml"
EXTRAS = ("all", "rtx")
FOR_TORCH = ("filelock", "typing-extensions", "setuptools", "sympy", "networkx", "jinja2", "fsspec")
NO_TORCH = "torch ; python_version < '3'"
HEADER = "# Written by `make lock`: exact versions with the SHA-256 of every file.\n"


def main(*options: str) -> None:
    """Resolve everything at once, then each part with those versions."""
    project = tomllib.loads(PROJECT.read_text())
    asked = {extra: ["--extra", extra] for extra in EXTRAS}
    asked |= {group: ["--group", f"{PROJECT}:{group}"] for group in project["dependency-groups"]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "override.txt").write_text(NO_TORCH)
        builders = [*project["build-system"]["requires"], "editables", "wheel"]
        (folder / "more.txt").write_text("\n".join((*FOR_TORCH, *builders)))
        (folder / "uv.txt").write_text("uv")
        source = (str(PROJECT), str(folder / "more.txt"))
        everything = folder / "everything.txt"
        everything.write_text("".join(path.read_text() for path in sorted(HERE.glob("*.txt"))))
        words = [word for each in asked.values() for word in each]
        words += [
            str(folder / "uv.txt"),
            "-c",
            str(ROOT / "constraints.txt"),
            "--output-file",
            str(everything),
            *options,
        ]
        compiled(folder, *source, *words)
        fixed = ("-c", str(everything))
        base = packages(compiled(folder, *source, *fixed))
        write("base", base)
        parts = {part: packages(compiled(folder, *source, *words, *fixed)) for part, words in asked.items()}
        for part, found in parts.items():
            there = base + parts["all"] if part == "test" else base
            write(part, [package for package in found if package not in there])
        write("uv", packages(compiled(folder, str(folder / "uv.txt"), *fixed)))


def compiled(folder: Path, *words: str) -> str:
    """What uv makes of these inputs."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--override", str(folder / "override.txt")]
    return subprocess.run([*command, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def packages(lock: str) -> list[str]:
    """Each package of a lock with its hashes."""
    return [f"{package}\n" for package in lock.replace(" \\\n", "\0").splitlines() if package]


def write(name: str, found: list[str]) -> None:
    """Write a lock."""
    (HERE / f"{name}.txt").write_text(HEADER + "".join(found).replace("\0", " \\\n"))


if __name__ == "__main__":
    main(*sys.argv[1:])
