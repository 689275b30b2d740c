"""Small damage to octets that were right."""

from hypothesis import strategies as st

_REPLACEMENTS = b' "\\(){}%*]\x7fa0<>.:,\xe9\r\n$+-['


def mutated(octets: bytes, data: st.DataObject) -> bytes:
    """One or two octets left out, put in, changed or doubled; the last CRLF stays."""
    damaged = bytearray(octets)
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 3)))
        octet = data.draw(st.sampled_from(_REPLACEMENTS))
        kind = data.draw(st.sampled_from(["drop", "insert", "change", "double"]))
        end = at if kind in ("insert", "double") else at + 1
        new = {"drop": b"", "double": damaged[at : at + 1]}.get(kind, bytes([octet]))
        damaged[at:end] = new
    return bytes(damaged)
