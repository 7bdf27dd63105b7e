"""How a board was reached, as options of the command line: "local", "user@host:port", or a simulated board."""

SIMULATED = "simulated "
"""What a simulated board's transport puts before its name."""


def options(name: str) -> dict[str, str]:
    """The options that reach the board of this transport's name; none for this machine.

    >>> options("pi@pi5.local:2222"), options("local"), options("simulated nano-sim")
    ({'--host': 'pi5.local', '--port': '2222', '--user': 'pi'}, {}, {'--board': 'nano-sim'})
    """
    if name.startswith(SIMULATED):
        return {"--board": name.removeprefix(SIMULATED)}
    if name == "local":
        return {}
    user, _, place = name.rpartition("@")
    host, _, port = place.rpartition(":")
    found = {"--host": (host or place).strip("[]")} | ({"--port": port} if host else {})
    return found | ({"--user": user} if user else {})


def words(name: str) -> list[str]:
    """The same as words of a command line."""
    return [word for pair in options(name).items() for word in pair]
