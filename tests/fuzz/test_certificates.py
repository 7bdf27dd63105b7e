"""A host's certificate as anybody on the way may write it: what was signed is taken, anything else is one sentence."""

import base64
from pathlib import Path

from sis_edge.transport.ssh.host_certificate import CertificateError, check
from sis_edge.transport.ssh.known_hosts import HostKey, KnownKeys

from .fuzz import fuzzed, obeyed, odd_bytes

CERTIFICATE = base64.b64decode(
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAINi+76hOknFg8QEQtkgHJuQ8/1APzZxoSt+y1YhUgM2rAAAA"
    "IF5r0FmKCNcqD08TJDUS+HHoqOyMHyLkvMYks9y9x1gEAAAAAAAAAAAAAAACAAAABWJvYXJkAAAACAAAAARuYW5vAAAAAAAAAAD/"
    "/////////wAAAAAAAAAAAAAAAAAAADMAAAALc3NoLWVkMjU1MTkAAAAgZWKnEQtiqIqUHH22QNA+dERFHekUiK43c/fJ+zDrzYYA"
    "AABTAAAAC3NzaC1lZDI1NTE5AAAAQDaUjqNhfXZU/x4HyygRSEmnUV68jW7ZobpGw4wXtreuiuSscZiY9bhUESm+0dFMHnVQIn6B"
    "VGpAcr+ucb5mXgw="
)
"""Of ssh-keygen, for nano, without an end."""

KEY = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIF5r0FmKCNcqD08TJDUS+HHoqOyMHyLkvMYks9y9x1gE")
AUTHORITY = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIGVipxELYqiKlBx9tkDQPnRERR3pFIiuN3P3yfsw682G")
KNOWN = KnownKeys((), frozenset(), (HostKey("ssh-ed25519", AUTHORITY, Path("known_hosts"), 1),))


def check_certificate(data: bytes) -> None:
    said = ""
    try:
        check(data, KEY, "nano", KNOWN)
        assert data == CERTIFICATE, "something else than what was signed is taken"
    except CertificateError as error:
        said = str(error)
    assert not obeyed(said)


@fuzzed(data=odd_bytes(CERTIFICATE))
def test_host_certificates(data: bytes) -> None:
    check_certificate(data)


def test_the_one_that_is_sound_is_taken() -> None:
    assert check(CERTIFICATE, KEY, "nano", KNOWN).key_id == "board"
