"""Reading what a server has said, by the rules of RFC 3501 section 2.2 and nothing else of ours.

It is written anew on purpose: what the tests say of the proxy's framing must not rest on it.
"""

import re

_LITERAL = re.compile(rb"~?\{(\d+)\}$")
_STATUS = re.compile(rb"(\*|[^ ]+) (OK|NO|BAD|BYE|PREAUTH)(?: |$)", re.IGNORECASE)


class Broken(Exception):
    """The octets are no responses."""


def responses(octets: bytes) -> tuple[list[bytes], bytes]:
    """Whole responses, their literals in them, and what is left of one that has not ended."""
    found: list[bytes] = []
    start = at = 0
    while True:
        end = octets.find(b"\r\n", at)
        if end < 0:
            return found, octets[start:]
        line = octets[at:end]
        if b"\n" in line:
            raise Broken(line)
        literal = _LITERAL.search(line)
        if literal is not None and not (at == start and _STATUS.match(line)):
            at = end + 2 + int(literal[1])
            if at > len(octets):
                return found, octets[start:]
            continue
        at = end + 2
        found.append(octets[start:end])
        start = at


def tagged(octets: bytes, tag: bytes) -> list[bytes]:
    """The tagged responses to ``tag``, less the tag."""
    return [
        response[len(tag) + 1 :]
        for response in responses(octets)[0]
        if response.startswith(tag + b" ")
    ]
