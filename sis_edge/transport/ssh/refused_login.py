"""The error of a login that a server refuses, with the step that is the likeliest."""

import shlex
from dataclasses import dataclass

from sis_edge.errors import TransportError
from sis_edge.text.foreign import one_line
from sis_edge.transport.credentials import LONGEST_PROMPT, Credentials
from sis_edge.transport.ssh.endpoint import Endpoint
from sis_edge.transport.ssh.keys import PassedOver

KEYS, PASSWORD, QUESTIONS = "publickey", "password", "keyboard-interactive"

Methods = tuple[str, ...]
"""The methods that a login may go on with, by their names in SSH; none once the user is in."""


@dataclass
class Attempts:
    """What was tried: keys, those of them that did not sign, and wrong passwords.

    `is_given`: a file descriptor has the password. `takes_keys`: the server lets users try keys; `is_in_part`: it
    accepts one and wants more.
    `unanswered` is a question of the server's that nobody answered.
    """

    passed_over: PassedOver
    is_given: bool
    keys: int = 0
    unsigned: int = 0
    passwords: int = 0
    is_expired: bool = False
    takes_keys: bool = False
    is_in_part: bool = False
    unanswered: str | None = None


def refused(hop: Endpoint, attempts: Attempts, methods: Methods, credentials: Credentials) -> TransportError:
    """The error of a login for which nothing is left to try; `methods` are those that the server would go on with."""
    can_answer = {PASSWORD, QUESTIONS} & set(methods) and not attempts.passwords and not attempts.is_given
    by_hand = "run this at a terminal to be asked for it, or give it with --password-fd"
    if attempts.is_expired:
        said = f"the password for {hop.name} has expired; log in with `ssh -p {hop.port} {hop.user}@{hop.host}` once"
    elif attempts.passwords:
        given = " of --password-fd" if attempts.is_given else ""
        said = f"{hop.name} refused the password{given}; check it and the user name"
    elif attempts.is_in_part:
        wanted = ", ".join(methods)
        said = f"{hop.name} accepts the key and asks for {wanted} as well"
        said += f"; {by_hand}" if can_answer else ", which sis-edge does not have; change its AuthenticationMethods"
    elif attempts.unanswered is not None and attempts.is_given:
        asked = one_line(attempts.unanswered.strip(), LONGEST_PROMPT)
        said = f"{hop.name} asks “{asked}”; run this at a terminal to answer it"
    elif methods and not attempts.takes_keys:
        said = f"{hop.name} accepts no keys (only {', '.join(methods)}); "
        said += by_hand if can_answer else "enable them in its SSH server"
    else:
        said = _by_keys(hop, attempts)
        said += f"; for its password, {by_hand}" if can_answer else ""
    notes = attempts.passed_over.certificates
    return TransportError(said + (f"; the certificate {notes[0]}" if notes and not attempts.passwords else ""))


def _by_keys(hop: Endpoint, attempts: Attempts) -> str:
    """What to do about a login by keys."""
    copy = f"copy yours there with `ssh-copy-id -p {hop.port} {hop.user}@{hop.host}`"
    passed_over, tried = attempts.passed_over, attempts.keys
    if passed_over.locked:
        locked = passed_over.locked[0]
        return (
            f"{hop.name} refused the login, and the key {locked} is encrypted; unlock it for ssh-agent with "
            f"`ssh-add {shlex.quote(str(locked))}`, or give its passphrase with --passphrase-fd"
        )
    if passed_over.shut:
        shut = passed_over.shut[0]
        return (
            f"{hop.name} would take the key {shut}, and no passphrase that was given opens it; unlock it for ssh-agent "
            f"with `ssh-add {shlex.quote(str(shut))}`, or give its passphrase with --passphrase-fd"
        )
    if passed_over.unusable:
        return (
            f"{hop.name} refused the login, and the key file {passed_over.unusable[0]}; choose another with --identity"
        )
    if not tried:
        public = [f"{path} has only the public half" for path in passed_over.public_only[:1]]
        hint = f" ({public[0]}, and ssh-agent does not have the private one)" if public else ""
        return f"no SSH key to log in to {hop.name}{hint}; create one with `ssh-keygen`, then {copy}"
    silent = f" ({attempts.unsigned} of them did not sign: is the token plugged in?)" if attempts.unsigned else ""
    return (
        f"{hop.name} refused the login with {tried} key{'s' if tried > 1 else ''}{silent}; choose another with "
        f"--identity, check the user name, or {copy}"
    )
