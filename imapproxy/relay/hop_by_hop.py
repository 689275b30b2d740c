"""What belongs to one leg of the way only, and is therefore never passed on.

Of the upstream's capabilities the client sees all but those that the proxy itself would have to
keep: TLS, how to log in, compression of the connection, referrals to a server that the client
could not reach (DESIGN: invariant 1).
"""

import re

# RFC 3501 6.2.1 STARTTLS, LOGINDISABLED; RFC 9051 6.2.2 AUTH=; RFC 4978 COMPRESS=; RFC 2221 and
# RFC 2193 referrals; RFC 8437 UNAUTHENTICATE would give the partner to another account.
_HOP_BY_HOP = re.compile(
    rb"(?:STARTTLS|LOGINDISABLED|AUTH=.*|COMPRESS=.*|.*-PLUS|LOGIN-REFERRALS"
    rb"|MAILBOX-REFERRALS|UNAUTHENTICATE)",
    re.IGNORECASE | re.DOTALL,
)
_CAPABILITY_CODE = re.compile(rb"\[CAPABILITY ([^\]\r\n]*)\]", re.IGNORECASE)
_CAPABILITY_RESPONSE = re.compile(rb"(\* CAPABILITY) ([^\r\n]*)\r\n", re.IGNORECASE)
_STATUS_RESPONSE = re.compile(rb"\* (?:OK|NO|BAD|BYE) \[", re.IGNORECASE)

#: Commands that would change the leg to the upstream itself: answered here, never relayed.
REFUSED_COMMANDS = frozenset((b"STARTTLS", b"COMPRESS", b"UNAUTHENTICATE"))


def without_hop_by_hop(names: bytes) -> bytes:
    """A list of capabilities, space-separated, less those of one hop; order and case are kept."""
    return b" ".join(name for name in names.split() if _HOP_BY_HOP.fullmatch(name) is None)


def status_for_client(text: bytes) -> bytes:
    """A status response with the list in its CAPABILITY code cut (RFC 3501 section 7.1)."""
    if b"[" not in text:
        return text  # of most there is nothing to look for
    return _CAPABILITY_CODE.sub(
        lambda found: b"[CAPABILITY " + without_hop_by_hop(found[1]) + b"]", text, count=1
    )


def untagged_for_client(line: bytes) -> bytes:
    """Any untagged response, its first line with CRLF, cut for the client."""
    capability = _CAPABILITY_RESPONSE.fullmatch(line)
    if capability is not None:
        # RFC 3501 section 7.2.1
        return capability[1] + b" " + without_hop_by_hop(capability[2]) + b"\r\n"
    if _STATUS_RESPONSE.match(line) is not None:
        return status_for_client(line)
    return line
