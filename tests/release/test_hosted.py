"""The hosted workflow, the images and the pages about them name what is there. `make lint` checks their form."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
DOCUMENTS = (
    ".github/workflows/ci.yml",
    ".ci/run",
    "docs/how-to/install.md",
    "docs/develop/release.md",
    "CONTRIBUTING.md",
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_it_makes_is_a_target(document: str) -> None:
    text = (ROOT / document).read_text()
    made = set(re.findall(r"(?:^\s*|`|run: )make (?:--jobs 2 )?([a-z-]+)", text, re.M))
    assert made
    assert made <= TARGETS


def test_the_hosted_workflow_runs_what_everybody_runs() -> None:
    """Its jobs are commands of the Makefile; checks that are only there could not be tried elsewhere."""
    assert re.search(r"^ +run: make ci$", WORKFLOW, re.M)
    recipe = re.search(r"^ci:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert recipe is not None
    assert "--file Dockerfile.ci" in recipe[1]
    assert (ROOT / "Dockerfile.ci").read_text().rstrip().endswith('CMD ["bash", ".ci/run"]')


def test_actions_are_pinned_and_nothing_may_write() -> None:
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in used)
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", WORKFLOW, re.M) == ["  contents: read\n"]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.ci"])
def test_what_an_image_copies_is_there(name: str) -> None:
    """And is not left out of what the builder sees; Python's packages come by hash from the locks."""
    text = (ROOT / name).read_text()
    left_out = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    sources = [source for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M) for source in line.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.partition("/")[0] not in left_out, source
    for command in re.findall(r"-m pip install (.+)", text):
        assert "--require-hashes" in command or "--no-deps --no-build-isolation ." in command


def test_the_bases_have_a_python_that_is_supported() -> None:
    """Debian's code names and their Python 3."""
    pythons = {"bookworm": "3.11", "trixie": "3.13"}
    for name in ("Dockerfile", "Dockerfile.ci"):
        base = re.search(r"^ARG BASE=debian:(\w+)-slim$", (ROOT / name).read_text(), re.M)
        assert base is not None
        assert f'"Programming Language :: Python :: {pythons[base[1]]}"' in (ROOT / "pyproject.toml").read_text()
