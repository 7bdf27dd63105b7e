"""Put each listed fault into a copy of the tree and see whether its tests fail.

    python tests/mutants/run.py                  all lists
    python tests/mutants/run.py energy verdict   the lists whose names contain one of these words
    python tests/mutants/run.py --fault swap     the mutants whose fault contains this word

A mutant that is known to be killed is not judged again before its file or a file of its tests changes, so that a run
that was interrupted goes on; --again judges all, as before a release, for other files matter too.
Exit code 1 if a mutant survives its tests, or if they do not pass without it.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).parents[1])

from mutants import in_fork
from mutants.known import Known
from mutants.mutant import LISTS, ROOT, Mutant, StaleMutantError, read
from mutants.trees import Tree, Trial, each

KILLED, SURVIVED, STALE, BROKEN = "killed", "SURVIVED", "STALE", "BROKEN"
"""BROKEN: the tests fail without the fault too, or pytest could not run them, which says nothing about them."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="*", metavar="LIST", help="words of the lists' names; default: all lists")
    parser.add_argument("--fault", default="", metavar="WORD", help="only mutants whose fault contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="so many at once; default: cores")
    parser.add_argument("--again", action="store_true", help="those too that are known to be killed")
    options = parser.parse_args()
    paths = [path for path in sorted(LISTS.glob("*.toml")) if any(word in path.stem for word in options.lists or [""])]
    lists = [[mutant for mutant in read(path) if options.fault in mutant.fault] for path in paths]
    if not any(lists):
        parser.error("no mutant has these words")
    known = Known(ROOT / ".mutants" / "killed", ROOT)
    total = sum(map(len, lists))
    if not options.again:
        lists = [[mutant for mutant in mutants if not known.has(mutant)] for mutants in lists]
    caught = total - sum(map(len, lists))
    print(f"{total} mutants, {caught} known to be killed", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what it started, and leaves no copy of the tree
    os.nice(10)
    in_fork.warm_up()
    with tempfile.TemporaryDirectory(prefix="sis-edge-mutants-") as folder:
        trees = [Tree.copied(ROOT, Path(folder) / str(number)) for number in range(max(options.jobs or 1, 1))]
        # One list after the other: what is interrupted has not only run the tests without any mutant.
        for mutant, outcome in (found for mutants in lists for found in judge(mutants, trees)):
            if outcome == KILLED:
                caught += 1
                known.add(mutant)
    print(f"{caught} of {total} mutants killed")
    return int(caught < total)


def judge(mutants: Sequence[Mutant], trees: Sequence[Tree]) -> Iterator[tuple[Mutant, str]]:
    """Every mutant with its outcome, printed as a line of a table when it is known."""
    fitting = [mutant for mutant in mutants if _fits(mutant, trees[0])]
    for mutant in mutants:
        if mutant not in fitting:
            print(f"{STALE:<9}        {mutant.file}: {mutant.fault}", flush=True)
            yield mutant, STALE
    unsound = _unsound(fitting, trees)
    for ended in each([Trial(mutant.tests, mutant) for mutant in fitting], trees):
        mutant = ended.trial.mutant
        assert mutant is not None
        outcome = BROKEN if _files(mutant) & unsound else outcome_of(ended.code)
        print(f"{outcome:<9}{ended.took_s:5.1f} s  {mutant.file}: {mutant.fault}", flush=True)
        yield mutant, outcome


def outcome_of(code: int) -> str:
    """What pytest's exit code says of a fault; one below 0 is a signal, of the fault's own, that ended the tests."""
    if code == 0:
        return SURVIVED
    return KILLED if code == 1 or code < 0 else BROKEN


def _fits(mutant: Mutant, tree: Tree) -> bool:
    try:
        mutant.source(tree.path)
    except StaleMutantError:
        return False
    return True


def _unsound(mutants: Sequence[Mutant], trees: Sequence[Tree]) -> set[str]:
    """Files of tests that fail without any mutant, printed when they are known."""
    tests: dict[str, list[str]] = {}
    for test in sorted({test for mutant in mutants for test in mutant.tests}):
        tests.setdefault(test.partition("::")[0], []).append(test)
    found = set()
    for ended in each([Trial(tuple(names)) for names in tests.values()], trees):
        if ended.code:
            name = ended.trial.tests[0].partition("::")[0]
            print(f"{name} fails without any mutant: no list can be judged by it", flush=True)
            found.add(name)
    return found


def _files(mutant: Mutant) -> set[str]:
    """The files of its tests."""
    return {test.partition("::")[0] for test in mutant.tests}


if __name__ == "__main__":
    sys.exit(main())
