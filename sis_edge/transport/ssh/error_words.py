"""What an error of paramiko's says."""

from sis_edge.text.foreign import printable


def words(error: BaseException) -> str:
    """What an error says, for a message: also where it is about bytes that the server sent and that are not UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return printable(error.object.decode("utf-8", errors="replace"))[-200:]
    return printable((isinstance(error, OSError) and error.strerror) or str(error)) or type(error).__name__
