"""Look up known vulnerabilities of everything that `make` installs, by pip-audit (`make audit`).

Ends with 0 where none is known, 1 where some are (each is printed with the versions that fix it) or a package was not
looked up, and 75 where the vulnerability service gave no answer, or knows none of the packages, as a mirror of the
index may: then nothing is known. `--skip-unreachable` ends with 0 there, after a line that says so. Other options are
pip-audit's.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from locks import HERE, pins

NOT_AUDITED = 75
SKIP = "--skip-unreachable"


def main(options: list[str]) -> int:
    """Audit; the exit code."""
    names = sorted(path.stem for path in HERE.glob("*.txt"))
    with tempfile.TemporaryDirectory() as name:
        asked, answer = Path(name) / "requirements.txt", Path(name) / "answer.json"
        asked.write_text("\n".join(pins(*names)) + "\n")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(asked), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--output", str(answer), "--progress-spinner", "off"]
        done = subprocess.run([*command, *(each for each in options if each != SKIP)], capture_output=True, text=True)
        if not answer.is_file() or not answer.stat().st_size:
            return not_audited(done.stderr, SKIP in options)
        packages = json.loads(answer.read_text())["dependencies"]
        unknown = [each["skip_reason"] for each in packages if "skip_reason" in each]
        if len(unknown) == len(packages):
            return not_audited(f"the service knows none of {len(packages)} packages: {unknown[0]}", SKIP in options)
        return report(packages)


def report(packages: list[dict]) -> int:
    """Print every vulnerability, and each package that the service does not know; the exit code, 1 for either."""
    skipped = [each for each in packages if "skip_reason" in each]
    found = [(each, fault) for each in packages for fault in each.get("vulns", ())]
    for each in skipped:
        print(f"audit: {each['name']} was not looked up: {each['skip_reason']}")
    for each, fault in found:
        fixed = ", ".join(fault["fix_versions"]) or "no version"
        print(f"audit: {each['name']} {each['version']}: {fault['id']}, fixed in {fixed}")
    print(f"audit: {len(packages) - len(skipped)} packages, {len(found)} known vulnerabilities")
    return 1 if found or skipped else 0


def not_audited(said: str, may_skip: bool) -> int:
    """Say that nothing is known, and why."""
    reason = next((line for line in reversed(said.splitlines()) if line.strip()), "pip-audit said nothing")
    print(f"audit: {'SKIPPED' if may_skip else 'FAILED'}, nothing is known: {reason}", file=sys.stderr)
    return 0 if may_skip else NOT_AUDITED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
