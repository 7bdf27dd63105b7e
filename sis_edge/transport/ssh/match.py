"""The conditions of a `Match` line of an OpenSSH client configuration."""

import ipaddress
import os
import subprocess

from sis_edge.transport.ssh.config_file import ConfigLine
from sis_edge.transport.ssh.host_options import HostOptions, local_user
from sis_edge.transport.ssh.patterns import matches_list

EXEC_LIMIT_S = 10.0
"""Time limit of a `Match exec` command, in seconds."""

WITHOUT_VALUE = ("all", "canonical", "final")
WITH_VALUE = (
    *("host", "originalhost", "user", "localuser", "exec", "localnetwork", "tagged"),
    *("version", "sessiontype", "command"),
)


def conditions(line: ConfigLine) -> list[tuple[str, bool, str]]:
    """The conditions as (name, negated, value); raises TransportError for what OpenSSH does not know either."""
    words = list(line.words)
    found: list[tuple[str, bool, str]] = []
    while words:
        word = words.pop(0)
        negated = word.startswith("!")
        name, equals, value = word.removeprefix("!").partition("=")
        name = name.lower()
        if name in WITHOUT_VALUE and not equals:
            found.append((name, negated, ""))
            continue
        if name not in WITH_VALUE:
            raise line.error(f"unknown Match condition '{name}'")
        # `host=x`, `host = x` and `host =x` are `host x`.
        while not value and words:
            value = words.pop(0)
            value = value.removeprefix("=") if not equals else value
            equals = "="
        if not value:
            raise line.error(f"the Match condition {name} has no value")
        found.append((name, negated, value))
    if not found:
        raise line.error("Match has no condition")
    if len(found) > 1 and any(name == "all" for name, _, _ in found[1:]):
        raise line.error("Match all cannot be combined with other conditions")
    return found


def applies(line: ConfigLine, options: HostOptions, *, may_run: bool = True) -> bool:
    """Whether all conditions hold. `may_run` is whether a command of `exec` is run at all; after a condition that
    does not hold it is not."""
    result = True
    for name, negated, value in conditions(line):
        if name == "exec" and not (result and may_run):
            continue
        result = _holds(name, value, line, options) != negated and result
    return result


def _holds(name: str, value: str, line: ConfigLine, options: HostOptions) -> bool:
    match name:
        case "all":
            return True
        case "canonical" | "final":
            return options.final_host is not None
        case "host":
            return matches_list(value.lower(), options.host.lower())
        case "originalhost":
            return matches_list(value.lower(), options.original.lower())
        case "user":
            return matches_list(value, options.user)
        case "localuser":
            return matches_list(value, local_user())
        case "tagged":
            return matches_list(value, options.get("tag"))
        case "sessiontype":
            return matches_list(value, "exec")
        case "localnetwork":
            return _is_local(value, line)
        case "exec":
            return _succeeds(options.expand(value), line)
        case _:  # the version of OpenSSH and the command of its command line: there are none here
            return False


def _succeeds(command: str, line: ConfigLine) -> bool:
    shell = os.environ.get("SHELL") or "/bin/sh"
    try:
        done = subprocess.run(
            [shell, "-c", f"exec {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=EXEC_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise line.error(f"the Match command `{command}` did not end within {EXEC_LIMIT_S:g} s") from None
    except (OSError, ValueError) as error:
        raise line.error(f"the Match command `{command}` cannot be run by {shell} ({error})") from None
    return done.returncode == 0


def _is_local(networks: str, line: ConfigLine) -> bool:
    try:
        known = [
            (part.startswith("!"), ipaddress.ip_network(part.removeprefix("!"), strict=False))
            for part in networks.split(",")
        ]
    except ValueError as error:
        raise line.error(f"the Match condition localnetwork has a value that is not a network ({error})") from None
    found = False
    for address in local_addresses():
        hits = [negated for negated, network in known if address in network]
        if any(hits):
            return False
        found = found or bool(hits)
    return found


def local_addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses of this machine's network interfaces that are up."""
    import socket

    import psutil

    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    return [
        ipaddress.ip_address(address.address.partition("%")[0])
        for name, addresses in psutil.net_if_addrs().items()
        if name in up
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    ]
