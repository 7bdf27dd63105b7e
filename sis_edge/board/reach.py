"""How a board was reached, as options of the command line: "local", "user@host:port", or a simulated board."""

from sis_edge.transport.base import ReachedName

SIMULATED = "simulated "
"""What a simulated board's transport puts before its name."""


def options(name: str) -> dict[str, str]:
    """The options that reach the board of this transport's name; none for this machine.

    A name that a transport has made itself knows those that were given; any other is read.

    >>> options("pi@pi5.local:2222"), options("local")
    ({'--host': 'pi5.local', '--port': '2222', '--user': 'pi'}, {})
    >>> options("simulated nano-sim"), options("simulated nano-sim as shelf")
    ({'--board': 'nano-sim'}, {'--host': 'shelf'})
    """
    if isinstance(name, ReachedName):
        return dict(name.options)
    if name.startswith(SIMULATED):
        kind, _, own = name.removeprefix(SIMULATED).partition(" as ")
        return {"--host": own} if own else {"--board": kind}
    if name == "local":
        return {}
    user, _, place = name.rpartition("@")
    host, _, port = place.rpartition(":")
    found = {"--host": (host or place).strip("[]")} | ({"--port": port} if host else {})
    return found | ({"--user": user} if user else {})


def words(name: str) -> list[str]:
    """The same as words of a command line.

    >>> words("local"), words("pi@pi5.local:22")
    ([], ['--host', 'pi5.local', '--port', '22', '--user', 'pi'])
    """
    return [word for pair in options(name).items() for word in pair]
