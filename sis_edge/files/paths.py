"""What a program may give where a path is wanted."""

import os
from typing import TypeAlias

AnyPath: TypeAlias = str | os.PathLike[str]
"""A text or any path object: every public function takes both, and makes a `Path` of it."""
