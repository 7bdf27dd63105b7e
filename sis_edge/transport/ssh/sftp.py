"""The start of SFTP over a channel, also behind a login shell whose start-up files print."""

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import paramiko

# The server's first packet: length, type SSH_FXP_VERSION, version 3 (draft-ietf-secsh-filexfer-02).
_VERSION = re.compile(rb"\x00\x00[\x00-\xff]{2}\x02\x00\x00\x00\x03")
MOST_TALK_BYTES = 1 << 20


class TalkedOverError(Exception):
    """The other side of the channel printed something and never began with SFTP; `said` is that."""

    def __init__(self, said: bytes) -> None:
        super().__init__("no SFTP")
        self.said = said


class TalkingChannel:
    """A channel as paramiko's SFTP client opens it, without what comes before the server's first packet."""

    def __init__(self, channel: "paramiko.Channel") -> None:
        self._channel = channel
        self._ahead = b""
        self._began = False

    def recv(self, size_bytes: int) -> bytes:
        """The next bytes of SFTP."""
        if not self._began:
            self._find_beginning()
        if self._ahead:
            piece, self._ahead = self._ahead[:size_bytes], self._ahead[size_bytes:]
            return piece
        return self._channel.recv(size_bytes)

    def send(self, data: bytes) -> int:
        """Pass data on."""
        return self._channel.send(data)

    def get_name(self) -> str:
        """The channel's name in paramiko's log."""
        return self._channel.get_name()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _find_beginning(self) -> None:
        talk = b""
        while not (found := _VERSION.search(talk)):
            piece = self._channel.recv(4096)
            talk += piece
            if not piece or len(talk) > MOST_TALK_BYTES:
                while self._channel.recv_stderr_ready():
                    talk += self._channel.recv_stderr(4096)
                raise TalkedOverError(talk)
        self._ahead, self._began = talk[found.start() :], True


def start(channel: "paramiko.Channel") -> "paramiko.SFTPClient":
    """An SFTP client on a new channel; raises TalkedOverError, and paramiko's errors."""
    import paramiko

    channel.invoke_subsystem("sftp")
    client = paramiko.SFTPClient(cast(paramiko.Channel, TalkingChannel(channel)))
    # From here on the server speaks only when it is asked.
    client.sock = channel
    return client
