"""The exchange of SASL in IMAP: challenges and responses in base64 (RFC 3501 section 6.2.2)."""

import base64
import binascii
from collections.abc import Generator

from fakeserver.reply import Ask, BadCommand
from fakeserver.store.account import Account

# A mechanism: it ends with the account that was logged in to, or with none.
Exchange = Generator[bytes | Ask, bytes, Account | None]


def response(initial: bytes | None, challenge: bytes) -> Generator[bytes | Ask, bytes, bytes]:
    """The client's response, decoded: the initial one, or what it answers to ``challenge``."""
    if initial is None:
        initial = yield Ask(base64.b64encode(challenge), secret=True)
        if initial == b"*":
            raise BadCommand("Authentication aborted by client.")
    elif initial == b"=":
        return b""
    try:
        return base64.b64decode(initial, validate=True)
    except binascii.Error:
        raise BadCommand("Invalid base64 data in continued response.") from None
