"""`make audit`: what is known of a package is printed, and a service that gives no answer never passes for one."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_PIP_AUDIT = importlib.util.find_spec("pip_audit") is None
real = pytest.mark.skipif(NO_PIP_AUDIT, reason="no pip-audit: make .venv/.installed-release")
FAULT = {
    "id": "GHSA-0000-0000-0000",
    "summary": "a fault of this test",
    "details": "",
    "affected": [
        {
            "package": {"name": "onnx", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


@contextmanager
def service(faulty: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """A vulnerability service (OSV's protocol) that knows a fault of one package; its address, what it was asked."""
    asked: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked[query["package"]["name"]] = query["version"]
            answer = json.dumps({"vulns": [FAULT]} if query["package"]["name"] == faulty else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
    finally:
        server.shutdown()
        server.server_close()


def audit(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "requirements" / "audit.py"), *options]
    return subprocess.run(
        [*command, "--vulnerability-service", "osv", "--osv-url", url], capture_output=True, text=True
    )


@real
@pytest.mark.slow
def test_every_locked_package_is_looked_up() -> None:
    with service(None) as (url, asked):
        done = audit(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"audit: {len(asked)} packages, 0 known vulnerabilities\n"
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.startswith(("torch==", "onnx==", "pytest==", "ruff==")):
            name, version = line.split("==")
            assert asked[name] == version


@real
@pytest.mark.slow
def test_a_known_vulnerability_fails() -> None:
    with service("onnx") as (url, asked):
        done = audit(url, "--skip-unreachable")
    assert done.returncode == 1
    assert f"audit: onnx {asked['onnx']}: GHSA-0000-0000-0000, fixed in 99.1\n" in done.stdout
    assert ", 1 known vulnerabilities\n" in done.stdout


@real
@pytest.mark.slow
def test_a_service_that_does_not_answer_is_no_answer() -> None:
    with service(None) as (url, _):
        pass  # its port is closed now
    refused = audit(url)
    assert (refused.returncode, refused.stdout) == (75, "")
    assert refused.stderr.startswith("audit: FAILED, nothing is known: ")
    skipped = audit(url, "--skip-unreachable")
    assert (skipped.returncode, skipped.stdout) == (0, "")
    assert skipped.stderr.startswith("audit: SKIPPED, nothing is known: ")


KNOWN, UNKNOWN = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "returncode", "said"),
    [
        (
            [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "unknown"}],
            1,
            "b was not looked up",
        ),
        ([{"name": "a", "version": "1", "vulns": []}], 0, "audit: 1 packages, 0 known vulnerabilities"),
        (
            [{"name": "b", "skip_reason": "unknown"}],
            75,
            "FAILED, nothing is known: the service knows none of 1 packages",
        ),
    ],
)
def test_a_package_that_the_service_does_not_know_is_not_audited(
    packages: list[dict[str, object]], returncode: int, said: str, tmp_path: Path
) -> None:
    """A mirror of the index may have the packages and nothing about their vulnerabilities."""
    module = tmp_path / "pip_audit.py"  # `python -m pip_audit` finds it first; it answers what pip-audit would
    module.write_text(
        "import sys, pathlib\n"
        f"pathlib.Path(sys.argv[sys.argv.index('--output') + 1]).write_text({json.dumps({'dependencies': packages})!r})"
    )
    command = [sys.executable, str(ROOT / "requirements" / "audit.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == returncode
    assert said in done.stdout + done.stderr
