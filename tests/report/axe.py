"""axe-core, which finds what keeps people with a disability from reading a page: one file out of a Python package.

The package itself, which drives another browser, is not installed; it is fetched once and checked by hash.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

from report.browser import Browser, unavailable

NAME, VERSION = "axe-playwright-python", "0.1.8"  # with axe-core 4.12.1
SHA256 = "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8"
FILE = "axe_playwright_python/axe.min.js"

FOUND = "({violations}) => violations.map(({id, nodes}) => id + ': ' + nodes.map((node) => node.html).join(' | '))"


def script(folder: Path) -> str:
    """Its text, kept in `folder`; skips, or fails in CI, where the package cannot be had."""
    place = folder / f"axe-{VERSION}.js"
    if not place.exists():
        (folder / "axe.txt").write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--requirement", str(folder / "axe.txt"), "--dest", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            unavailable(f"axe-core (the package {NAME}) cannot be had: {done.stderr.strip()[-300:]}")
        (wheel,) = folder.glob("axe_playwright_python-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            place.write_bytes(archive.read(FILE))
    return place.read_text(encoding="utf-8")


def violations(browser: Browser, source: str) -> list[str]:
    """What it finds on the page that the browser shows: each rule with the elements that break it."""
    browser.run(f"{source}; null")
    found: list[str] = browser.run(f"axe.run(document).then({FOUND})")
    return found
