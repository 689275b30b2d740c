"""Odd mail and its structures, read from the text files beside this."""

from pathlib import Path

_HERE = Path(__file__).parent


def read_cases(name: str) -> list[tuple[bytes, bytes]]:
    """Pairs of octets and the structure that belongs to them."""
    _, *cases = (_HERE / name).read_text("ascii").split("====\n")
    return [_case(case) for case in cases]


def _case(text: str) -> tuple[bytes, bytes]:
    octets, _, structure = text.rpartition("----\n")
    return _octets(octets).replace(b"\\$\r\n", b""), _octets(structure.removesuffix("\n"))


def _octets(text: str) -> bytes:
    lines = text.replace("\\$", "\\\\$").split("\n")
    return b"\r\n".join(line.encode().decode("unicode_escape").encode("latin-1") for line in lines)


ENVELOPES = read_cases("envelopes.txt")
STRUCTURES = read_cases("structures.txt")
