"""What damaged archives raise."""

import tokenize
import zipfile
import zlib

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError),
    RuntimeError,  # an encrypted member, or one of an unknown version or method
    KeyError,  # a member that the list of contents names and the archive has not
    *(ValueError, tokenize.TokenError, SyntaxError),  # the header of an array
)
"""What reading an .npz raises whose bytes are wrong, from zipfile, zlib and numpy."""
