"""Lets ``twist imapproxy --config FILE`` (and ``twistd``) run the proxy."""

from twisted.application.service import ServiceMaker

imapproxy = ServiceMaker(
    "imapproxy",
    "imapproxy.tap",
    "A local IMAP proxy for legacy mail programs: verified TLS to the server.",
    "imapproxy",
)
