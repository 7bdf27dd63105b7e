"""The digest that ends the text of a stored run: SHA-256 of every byte before it.

The text is not parsed for it, so that it holds for any version, and a space more is a change, too:

    {
     "store_version": 6,
     ...
     "content_sha256": "..."
    }
"""

import hashlib
import json
import re

NAME = "content_sha256"

_CLOSING = "\n}\n"
_END = re.compile(rb',\n "%b": "([0-9a-f]{64})"\n}\n\Z' % NAME.encode())

NOT_STORED = "no digest was stored with it, so that only what the bundle's manifest vouches for can be checked"


def closed(text: str) -> str:
    """The text of an object, as json.dumps indents it by 1, with its digest as the last field."""
    before = text.removesuffix(_CLOSING)
    return f'{before},\n "{NAME}": "{_sha256(before.encode())}"{_CLOSING}'


def is_stored(text: bytes) -> bool:
    """Whether the text has a digest, right or wrong; raises ValueError where it is not JSON."""
    return NAME in json.loads(text)


def is_right(text: bytes) -> bool:
    """Whether the text ends with its digest, and every byte is as it was written."""
    end = _END.search(text, max(0, len(text) - 200))
    return end is not None and _sha256(text[: end.start()]) == end[1].decode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
