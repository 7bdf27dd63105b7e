"""Put each listed fault into a copy of the tree and see whether its tests fail.

    python tests/mutants/run.py                  all lists: some minutes
    python tests/mutants/run.py energy verdict   the lists whose names contain one of these words
    python tests/mutants/run.py --fault swap     the mutants whose fault contains this word

Exit code 1 if a mutant survives its tests, or if its tests do not run at all.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.mutant import LISTS, ROOT, Mutant, StaleMutantError, read

KILLED, SURVIVED, STALE, BROKEN = "killed", "SURVIVED", "STALE", "BROKEN"
"""BROKEN: pytest could not run the tests, which says nothing about them."""

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "reports", "dist", "node_modules", "venv")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="*", metavar="LIST", help="words of the lists' names; default: all lists")
    parser.add_argument("--fault", default="", metavar="WORD", help="only mutants whose fault contains this")
    options = parser.parse_args()
    paths = [path for path in sorted(LISTS.glob("*.toml")) if any(word in path.stem for word in options.lists or [""])]
    mutants = [mutant for path in paths for mutant in read(path) if options.fault in mutant.fault]
    if not mutants:
        parser.error("no mutant has these words")
    os.nice(10)
    with tempfile.TemporaryDirectory(prefix="sis-edge-mutants-") as folder:
        tree = copy(ROOT, Path(folder) / "tree")
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        if run(tree, tests, silent=False):
            print("these tests do not pass without any mutant: no list can be judged by them")
            return 1
        outcomes = judge(mutants, tree)
    caught = outcomes.count(KILLED)
    print(f"{caught} of {len(mutants)} mutants killed")
    return int(caught < len(mutants))


def copy(root: Path, target: Path) -> Path:
    """A copy of the tree in which faults do no harm."""
    shutil.copytree(root, target, ignore=LEFT_OUT, symlinks=True)
    return target


def judge(mutants: Sequence[Mutant], tree: Path) -> list[str]:
    """Every mutant's outcome, printed as a line of a table when it is known."""
    outcomes = []
    for mutant in mutants:
        start_s = time.perf_counter()
        outcomes.append(outcome_of(mutant, tree))
        took_s = time.perf_counter() - start_s
        print(f"{outcomes[-1]:<9}{took_s:5.1f} s  {mutant.file}: {mutant.fault}", flush=True)
    return outcomes


def outcome_of(mutant: Mutant, tree: Path) -> str:
    """What the tests say of the fault; the tree is afterwards as before."""
    try:
        source = mutant.source(tree)
    except StaleMutantError:
        return STALE
    path = tree / mutant.file
    sound = path.read_bytes()
    path.write_text(source, encoding="utf-8")
    try:
        code = run(tree, mutant.tests)
    finally:
        path.write_bytes(sound)
    if code == 0:
        return SURVIVED
    return KILLED if code == 1 or code < 0 else BROKEN  # below 0: a signal of the fault's own ended the tests


def run(tree: Path, tests: Sequence[str], *, silent: bool = True) -> int:
    """Pytest's exit code for tests of a tree, whose code is imported from the tree itself."""
    paths = os.pathsep.join([str(tree), str(tree / "agent")])
    # Compiled files are known by time and size: a fault of equal length within a second would not be seen.
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-x", "-q", "--timeout", "100", "-p", "no:cacheprovider"]
    if any("hypothesis" in (tree / test.partition("::")[0]).read_text(encoding="utf-8") for test in tests):
        options += ["--hypothesis-seed", "0"]  # the same examples each time; the option alone costs a second
    command = [sys.executable, "-m", "pytest", *options, *tests]
    output = subprocess.DEVNULL if silent else None
    # A session of its own: a fault in what ends processes may end a whole group of them.
    return subprocess.run(
        command, cwd=tree, env=environment, stdout=output, start_new_session=True, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
