"""What `sis-edge.toml` may not set: a file that came with somebody else's repository must not decide it.

An option is named on the command line or in the environment, which are the user's own; a file that the user names
(`--config`) may set a little more than one that was found. The programs that SSH runs (ProxyCommand) are read from
~/.ssh/config alone.
"""

from typing import Any

from sis_edge.errors import UsageError

_TRUST = "it says whom to trust"
_SECRET = "it is for one process"
_OVERWRITES = "it names a file to write, or to write over"

REFUSED = {
    "trust": "programs of unknown origin would run as you",
    "trust-on-first-use": "an unknown host would be believed",
    "known-hosts": _TRUST,
    "signers": _TRUST,
    "key": "it signs in your name",
    "sign": "it signs in your name",
    "password-fd": _SECRET,
    "passphrase-fd": _SECRET,
    "ray": "a Ray cluster sends objects that run code here",
    "yes": "it answers a question that you are to be asked",
    "output": _OVERWRITES,
    "to": _OVERWRITES,
    "junit": _OVERWRITES,
    "markdown": _OVERWRITES,
    "benchmark-json": _OVERWRITES,
}
"""Keys, each with the reason."""


def check_found(key: str, value: Any, place: str) -> None:
    """Raise UsageError for what a file that nobody named may not set: the programs that a profile's file names, and
    boards with such profiles.
    """
    is_profile = key == "profile" and str(value).endswith(".toml")
    if is_profile or key == "inventory":
        what = "a profile's file names the Python that runs" if is_profile else "an inventory names profiles and keys"
        raise UsageError(
            f"{place}: {key} is '{value}', and {what}; name it with --{key}, or vouch for this file with --config"
        )
