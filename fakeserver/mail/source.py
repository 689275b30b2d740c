"""Where messages come from: octets, text, ``email.message``."""

import email.message
import email.policy
import re

_LINE_END = re.compile(r"\r?\n")


def octets_of(message: bytes | str | email.message.Message) -> bytes:
    """The octets of a message.

    Those that are given are kept as they are. Text is UTF-8 with CRLF at the end of its lines, and
    so is what an ``email.message`` is written as.
    """
    if isinstance(message, bytes):
        return message
    if isinstance(message, str):
        return _LINE_END.sub("\r\n", message).encode()
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
