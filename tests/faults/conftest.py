import os
import shutil
import subprocess
import sys

import pytest

INSIDE = "SIS_EDGE_TEST_IN_LOSSY_NETWORK"

# Every twentieth packet of the loopback device is dropped, in a network of the test's own.
LOSSY = """
ip link set lo up
nft add table inet faults
nft add chain inet faults input '{ type filter hook input priority 0; }'
nft add rule inet faults input numgen random mod 100 '<' 5 drop
exec "$@"
"""


@pytest.fixture
def lossy_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the test is in a network that loses packets. If not, it was run once more within one, and all is done."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    if INSIDE in os.environ:
        return True
    unshare = ["unshare", "--user", "--map-root-user", "--net"] if os.geteuid() else ["unshare", "--net"]
    missing = [tool for tool in ("unshare", "ip", "nft") if shutil.which(tool) is None]
    if missing or subprocess.run([*unshare, "sh", "-ec", LOSSY, "sh", "true"], capture_output=True).returncode:
        reason = f"no network of one's own with nftables ({', '.join(missing) or 'not permitted'})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "", request.node.nodeid]
    done = subprocess.run(
        [*unshare, "sh", "-ec", LOSSY, "sh", *words],
        cwd=request.config.rootpath,
        env={**os.environ, INSIDE: "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.fail(done.stdout[-3000:] + done.stderr[-1000:])
    return False
