"""Mutants that are known to be killed, so that a run that was interrupted goes on where it was."""

import hashlib
import json
import sys
from pathlib import Path

from mutants.mutant import Mutant, StaleMutantError


class Known:
    """A file with a line for each killed mutant. One counts until its file or the files of its tests change."""

    def __init__(self, path: Path, tree: Path) -> None:
        self._path = path
        self._tree = tree
        self._keys = set(path.read_text(encoding="ascii").split()) if path.exists() else set()

    def has(self, mutant: Mutant) -> bool:
        """Whether it was killed, by tests and from a file that are still the same."""
        return self._key(mutant) in self._keys

    def add(self, mutant: Mutant) -> None:
        """Note that it was killed."""
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            file.write(self._key(mutant) + "\n")

    def _key(self, mutant: Mutant) -> str:
        try:
            source = mutant.source(self._tree)
        except StaleMutantError:
            return ""
        files = sorted({test.partition("::")[0] for test in mutant.tests})
        texts = [(self._tree / name).read_text(encoding="utf-8") for name in files]
        what = [sys.version, mutant.file, source, *mutant.tests, *texts]
        return hashlib.sha256(json.dumps(what).encode("utf-8")).hexdigest()
