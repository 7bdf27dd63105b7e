"""Who may look at files: what the agent makes is its user's alone."""

import stat
from pathlib import Path


def open_to_others(root: Path) -> list[str]:
    """Every file and folder of the agent's that is not 0600 or 0700, with its mode."""
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (root, *root.rglob("*"))}
    return [f"{path} {mode:o}" for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)]
