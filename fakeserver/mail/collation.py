"""How letters are compared: i;unicode-casemap (RFC 5051)."""

import re
import unicodedata

_BEYOND_ASCII = re.compile(r"([^\x00-\x7f]+)")


def casemap(text: str) -> str:
    """What strings are compared by: each letter in title case, then decomposed.

    So ``cafe`` is found in ``café``, and ``café`` is not found in ``cafe``; and ``ss`` is not found
    in ``ß``, nor ``fi`` in the ligature, which have no title case.
    """
    if text.isascii():
        return text.upper()
    runs = _BEYOND_ASCII.split(text)
    titled = (run.upper() if run.isascii() else "".join(map(_title, run)) for run in runs)
    return unicodedata.normalize("NFKD", "".join(titled))


def collation_key(text: str) -> bytes:
    """What strings are ordered by."""
    return casemap(text).encode("utf-8", "surrogatepass")


def _title(char: str) -> str:
    # The casemap is of one character to one: "ß" stays what it is.
    titled = char.title()
    return titled if len(titled) == 1 else char
