"""The map of the repository, which CONTRIBUTING.md has and a test holds."""

from generated.links import ROOT


def of_the_repository() -> str:
    """The section, one level of headings down."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## The map\n")[2].partition("\n## ")[0]
    assert section, "CONTRIBUTING.md has no map"
    return section.strip() + "\n"
