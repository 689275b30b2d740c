"""The order of strings: i;unicode-casemap (RFC 5051)."""

import unicodedata


def collation_key(text: str) -> bytes:
    """What strings are ordered by: each letter in title case, decomposed, as UTF-8."""
    if text.isascii():
        return text.upper().encode()
    titled = "".join(map(_title, text))
    return unicodedata.normalize("NFKD", titled).encode("utf-8", "surrogatepass")


def _title(char: str) -> str:
    # The casemap is of one character to one: "ß" stays what it is.
    titled = char.title()
    return titled if len(titled) == 1 else char
