"""Links from a page to files of the repository that are no pages."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)]*)?\)")


def outside_links(markdown: str, page: str) -> str:
    """The page, whose path below `docs` is `page`, with links to files outside of `docs` as text.

    They work where the repository is read, and the built site does not hold these files.

    >>> outside_links("[Reports](../../reports/README.md), [CLI](cli.md)", "reference/x.md")
    'Reports (`reports/README.md`), [CLI](cli.md)'
    """

    def shown(found: re.Match[str]) -> str:
        path = normpath(PurePosixPath("docs") / PurePosixPath(page).parent / found[2])
        if ":" in found[2] or path.startswith(("docs/", "../")) or not (ROOT / path).exists():
            return found[0]
        return f"{found[1]} (`{path}`)" if found[1].strip("`") != path else f"`{path}`"

    return LINK.sub(shown, markdown)
