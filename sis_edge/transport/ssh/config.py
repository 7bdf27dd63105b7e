"""`~/.ssh/config` and `/etc/ssh/ssh_config`, read as OpenSSH's client reads them (ssh_config(5)).

Checked against `ssh -G` by generated files. Not checked: options that sis-edge does not use, and who may write the
files.
"""

import glob
import socket
from collections.abc import Callable
from pathlib import Path

from sis_edge.errors import TransportError
from sis_edge.text.foreign import printable
from sis_edge.transport.ssh import config_file, match
from sis_edge.transport.ssh.config_file import ConfigLine
from sis_edge.transport.ssh.host_options import HostOptions
from sis_edge.transport.ssh.patterns import matches

Lookup = Callable[..., HostOptions]
"""The options for a host; `user` and `port` are those of the command line, which go first."""

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")

SINGLE = frozenset(
    {
        *("hostname", "user", "port", "hostkeyalias", "identitiesonly", "identityagent", "tag", "hashknownhosts"),
        *("canonicalizehostname", "canonicalizemaxdots", "canonicalizefallbacklocal"),
    }
)
SEVERAL = frozenset({"userknownhostsfile", "globalknownhostsfile", "canonicaldomains"})
LISTS = frozenset({"identityfile", "certificatefile"})
DEEPEST = 16


class SshConfig:
    """The configuration of one user."""

    def __init__(self, user_file: Path, home: Path, system_file: Path | None = SYSTEM_CONFIG) -> None:
        self._home = home
        self._files = [(user_file, user_file.parent), *([(system_file, system_file.parent)] if system_file else [])]

    def lookup(self, host: str, *, user: str | None = None, port: int | None = None) -> HostOptions:
        """The options for a host; raises TransportError for a file that cannot be read or understood."""
        options = HostOptions(host, self._home)
        if user:
            options.values["user"] = (user,)
        if port:
            options.values["port"] = (str(port),)
        again = self._read(options)
        canonical = options.get("canonicalizehostname", "no").lower()
        address = options.host.lower()
        if canonical != "no":
            address = _canonical(address, options)
        if again or canonical != "no":
            options.final_host = address
            self._read(options)
        options.final_host = address
        return options

    def _read(self, options: HostOptions) -> bool:
        """Go through the files once; returns whether a `Match final` asks for a second time."""
        reading = _Reading(options)
        for path, folder in self._files:
            reading.read(path, folder, is_active=True, is_shut=False, depth=0)
        return reading.wants_final


class _Reading:
    """One pass over the files."""

    def __init__(self, options: HostOptions) -> None:
        self._options = options
        self.wants_final = False

    def read(self, path: Path, folder: Path, *, is_active: bool, is_shut: bool, depth: int) -> None:
        """Take what applies in a file. `is_shut`: it is included where nothing applies."""
        if depth > DEEPEST:
            raise TransportError(f"{path} is included more than {DEEPEST} files deep; fix the SSH configuration")
        try:
            for line in config_file.lines(path):
                if line.keyword == "host":
                    is_active = not is_shut and self._is_host(line)
                elif line.keyword == "match":
                    # A "final" counts even where the block cannot apply.
                    self.wants_final |= any(name == "final" for name, _, _ in match.conditions(line))
                    is_active = match.applies(line, self._options, may_run=not is_shut) and not is_shut
                elif line.keyword == "include":
                    for included in self._included(line, folder):
                        self.read(included, folder, is_active=is_active, is_shut=not is_active, depth=depth + 1)
                elif is_active:
                    self._take(line)
        except (FileNotFoundError, IsADirectoryError):  # OpenSSH reads nothing from a folder, such as one in config.d
            return
        except OSError as error:
            raise TransportError(
                f"the SSH configuration {printable(str(path))} cannot be read ({error.strerror})"
            ) from None

    def _is_host(self, line: ConfigLine) -> bool:
        options = self._options
        host = options.original if options.final_host is None else options.final_host
        found = False
        for pattern in line.words:
            if matches(pattern.removeprefix("!"), host):
                if pattern.startswith("!"):
                    return False
                found = True
        return found

    def _included(self, line: ConfigLine, folder: Path) -> list[Path]:
        paths: list[Path] = []
        for word in line.words:
            text = self._options.expand(word)
            base = self._options.home if text.startswith("~/") else folder
            # Sorted, as the C library's glob() is; pathlib takes no pattern that is absolute.
            pattern = Path(glob.escape(str(base)), text.removeprefix("~/"))
            paths += map(Path, sorted(glob.glob(str(pattern))))  # noqa: PTH207
        return paths

    def _take(self, line: ConfigLine) -> None:
        options, name = self._options, line.keyword
        if name in LISTS or name in SINGLE or name in SEVERAL:
            if not line.words or not line.words[0]:
                raise line.error(f"{name} has no value")
            if name in LISTS:
                known = options.lists.setdefault(name, [])
                known += [word for word in line.words[:1] if word not in known]
            else:
                options.values.setdefault(name, line.words if name in SEVERAL else line.words[:1])
        elif name in ("proxyjump", "proxycommand") and not {"proxyjump", "proxycommand"} & options.values.keys():
            # The two exclude each other. A command is taken as it is written, quotes and all.
            options.values[name] = line.words[:1] if name == "proxyjump" or line.words == ("none",) else (line.value,)


def _canonical(host: str, options: HostOptions) -> str:
    """The host's full name: the first of CanonicalDomains in which there is one."""
    is_direct = all(options.get(name, "none").lower() == "none" for name in ("proxyjump", "proxycommand"))
    if not is_direct and options.get("canonicalizehostname").lower() != "always":
        return host
    most_dots = options.get("canonicalizemaxdots", "1")
    if (
        ":" in host
        or host.replace(".", "").isdecimal()
        or host.count(".") > int(most_dots if most_dots.isdecimal() else 1)
    ):
        return host
    for domain in options.values.get("canonicaldomains", ()):
        try:
            socket.getaddrinfo(f"{host}.{domain}", None)
        except (OSError, UnicodeError):
            continue
        return f"{host}.{domain}".lower()
    if options.get("canonicalizefallbacklocal", "yes").lower() == "no":
        raise TransportError(f"{host} is in none of the SSH configuration's CanonicalDomains")
    return host


def default_config(home: Path) -> SshConfig:
    """The configuration of the user with this home."""
    return SshConfig(home / ".ssh" / "config", home)
