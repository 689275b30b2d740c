"""Which commands the view follows."""

import pytest

from imapproxy.relay.known_commands import is_followed
from imapproxy.wire.capability import Capabilities

OFFERED = Capabilities(["IMAP4rev1", "ENABLE", "CONDSTORE", "IMAP4rev2"])


@pytest.mark.parametrize(
    ("rest", "followed"),
    [
        (b" ENABLE CONDSTORE\r\n", True),
        (b" ENABLE qresync condstore\r\n", True),
        # mutt says so wherever there is ENABLE; what is not known is ignored (RFC 5161)
        (b" ENABLE UTF8=ACCEPT\r\n", True),
        (b" ENABLE UTF8=ACCEPT CONDSTORE\r\n", True),
        (b" ENABLE imap4REV2\r\n", False),
        (b" ENABLE UTF8=ACCEPT IMAP4rev2\r\n", False),
    ],
)
def test_extensions(rest, followed):
    assert is_followed(b"ENABLE", rest, OFFERED) is followed


def test_without_knowing_what_is_offered():
    assert is_followed(b"ENABLE", b" ENABLE CONDSTORE\r\n")
    assert not is_followed(b"ENABLE", b" ENABLE UTF8=ACCEPT\r\n")


def test_others():
    assert is_followed(b"LIST", b' LIST "" *\r\n', OFFERED)
    assert not is_followed(b"WHAT", b" WHAT\r\n", OFFERED)
