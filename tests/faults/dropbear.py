"""A dropbear server on loopback, as small boards have one instead of OpenSSH."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sshd import Server, free_port, make_key, require, require_sshd, wait_for

# It knows no setting for a user's home: within its own mounts, the list of users names the test's.
START = """
mount --bind "$1/passwd" /etc/passwd
shift
exec "$@"
"""


@contextlib.contextmanager
def serve_dropbear(folder: Path) -> Iterator[Server]:
    """Run a server until the block ends; sessions are root's, with a home of the test's own."""
    require_sshd()
    dropbear = require("/usr/sbin/dropbear")
    if os.geteuid() != 0:
        pytest.skip("only root gives dropbear a home of the test's own")
    home, client = folder / "home", folder / "a client"
    (home / ".ssh").mkdir(parents=True)
    folder.chmod(0o755)
    key = make_key(client / ".ssh" / "id_ed25519")
    shutil.copy(key.with_suffix(".pub"), home / ".ssh/authorized_keys")
    (home / ".ssh").chmod(0o700)
    (folder / "passwd").write_text(f"root:x:0:0:root:{home}:/bin/sh\n")
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", str(folder / "host")], check=True, capture_output=True)
    shown = subprocess.check_output(["dropbearkey", "-y", "-f", str(folder / "host")], text=True)
    public = next(line for line in shown.splitlines() if line.startswith("ssh-ed25519"))
    (folder / "host_ed25519.pub").write_text(public + "\n")
    server = Server(folder, free_port(), home, client)
    server.know(server.port)
    words = [dropbear, "-F", "-E", "-r", str(folder / "host"), "-p", f"127.0.0.1:{server.port}"]
    words += ["-P", str(folder / "sshd.pid")]
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-ec", START, "sh", str(folder), *words], stdin=subprocess.DEVNULL, stderr=log
        )
        try:
            wait_for(lambda: (folder / "sshd.pid").exists(), f"dropbear did not start: {folder / 'sshd.log'}")
            yield server
        finally:
            with contextlib.suppress(OSError):
                server.kill_sessions()
            process.send_signal(signal.SIGTERM)
            process.wait()
