"""URLs that carry an authorization (RFC 4467 section 3, RFC 5092). Pure."""

import datetime
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fakeserver.mail.url import BadUrl, MessageUrl, parse_url

# "imap://" [enc-user [";AUTH=" …]] "@" hostport, the message, [";EXPIRE=" date-time],
# ";URLAUTH=" access; and, once it is authorized, ":" mechanism ":" token.
_URL = re.compile(
    rb"imap://([^/@;]+)(?:;AUTH=[^/@]+)?@[^/@]+(/.+?)(?:;EXPIRE=([0-9T:.Zz+-]+))?"
    rb";URLAUTH=(?:(submit|user)\+([^:;]+)|(authuser|anonymous))(?::([a-z0-9-]+):([0-9a-f]{32,}))?",
    re.IGNORECASE,
)
_MAX_URL = 4096


@dataclass(frozen=True, slots=True)
class AuthorizedUrl:
    """``access`` is ``submit``, ``user``, ``authuser`` or ``anonymous``; ``by`` whom it names.

    ``rump`` is the URL without ``mechanism`` (in upper case) and ``token``, which it may not have.
    """

    rump: bytes
    user: bytes
    message: MessageUrl
    expires: datetime.datetime | None
    access: str
    by: bytes
    mechanism: str
    token: bytes

    def token_for(self, key: bytes) -> bytes:
        """What authorizes it, by a key that is the server's alone (section 5)."""
        return hmac.new(key, self.rump, hashlib.sha256).hexdigest().encode()


def parse_authorized_url(url: bytes) -> AuthorizedUrl:
    """Read it; raises ``BadUrl``."""
    found = _URL.fullmatch(url) if len(url) <= _MAX_URL else None
    if found is None:
        raise BadUrl("Invalid URL")
    rump = url if found[8] is None else url[: found.start(7) - 1]
    return AuthorizedUrl(
        rump,
        unquote_to_bytes(found[1]),
        parse_url(found[2]),
        _moment(found[3]),
        (found[4] or found[6]).decode().lower(),
        unquote_to_bytes(found[5] or b""),
        (found[7] or b"").decode().upper(),
        found[8] or b"",
    )


def _moment(written: bytes | None) -> datetime.datetime | None:
    if written is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(written.decode().upper())
    except ValueError:
        raise BadUrl("Invalid time") from None
    if moment.tzinfo is None:
        raise BadUrl("Time without its zone")
    return moment
