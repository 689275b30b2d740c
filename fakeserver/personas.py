r"""Personas: presets that behave like servers that people meet.

What each tells as its capabilities was seen in the logs that are named with it. Capabilities that
mean nothing to a client that does not know them are told and no more (``also_told``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fakeserver.extensions import Extensions
from fakeserver.gmail import GmailAccount
from fakeserver.host import Host, Limits
from fakeserver.quirks import Quirks
from fakeserver.store.account import Account
from imapproxy.wire.mailbox import encode_mailbox

_BEFORE_LOGIN = ("STARTTLS", "AUTH=PLAIN", "AUTH=LOGIN")
_OAUTH = ("AUTH=XOAUTH2", "AUTH=OAUTHBEARER")


@dataclass(frozen=True)
class Persona:
    """A preset. ``mailboxes`` are what a new account has besides INBOX, with their uses."""

    name: str
    seen: str
    extensions: Extensions
    greeting: str
    delimiter: str = "."
    quirks: tuple[str, ...] = ()
    also_told: tuple[str, ...] = ()
    mailboxes: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    # More commands than this on one connection are too many.
    throttle_after: int = 1000
    labels: bool = False

    def names(self) -> dict[bytes, bytes]:
        """The mailboxes as they are on the wire."""
        return {bytes(encode_mailbox(name)): use.encode() for name, use in self.mailboxes.items()}


class UnknownPersona(ValueError):
    """There is no such persona; ``str()`` names those that there are."""


def find_persona(name: str) -> Persona:
    """The persona of this name. Raises :class:`UnknownPersona`."""
    if name not in PERSONAS:
        raise UnknownPersona(f"there is no persona {name!r}; there are {', '.join(PERSONAS)}")
    return PERSONAS[name]


def host_of(
    persona: Persona | None,
    quirks: Iterable[str] = (),
    extensions: Extensions | None = None,
    limits: Limits | None = None,
) -> Host:
    """A host of this persona; what is given besides goes before what the persona has."""
    if persona is None:
        return Host(extensions or Extensions(), limits or Limits(), quirks=Quirks(quirks))
    return Host(
        extensions or persona.extensions,
        limits or persona.limits,
        greeting=persona.greeting,
        quirks=Quirks((*persona.quirks, *quirks)),
        also_told=persona.also_told,
        throttle_after=persona.throttle_after,
        delimiter=persona.delimiter,
        account_kind=GmailAccount if persona.labels else Account,
        mailboxes=persona.names(),
    )


def _extensions(names: str, login: tuple[str, ...] = _BEFORE_LOGIN) -> Extensions:
    return Extensions(("IMAP4rev1", *names.split(), *login))


_ALL = (
    Persona(
        "dovecot",
        "Dovecot itself, which the conformance suite runs against",
        Extensions.with_changes(without=["IMAP4rev2"]),
        "Dovecot ready.",
    ),
    Persona(
        "gmail",
        "https://github.com/jstedfast/MailKit/issues/1396,"
        " https://developers.google.com/gmail/imap/imap-extensions",
        _extensions(
            "UNSELECT IDLE NAMESPACE QUOTA ID CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE"
            " MOVE CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT"
            " SASL-IR",
            ("AUTH=PLAIN", *_OAUTH),
        ),
        "Gimap ready for requests",
        "/",
        ("no-recent", "too-many-is-alert", "copyuid-tagged"),
        ("XLIST",),
        {
            "[Gmail]/All Mail": r"\All",
            "[Gmail]/Drafts": r"\Drafts",
            "[Gmail]/Important": r"\Important",
            "[Gmail]/Sent Mail": r"\Sent",
            "[Gmail]/Spam": r"\Junk",
            "[Gmail]/Starred": r"\Flagged",
            "[Gmail]/Trash": r"\Trash",
        },
        Limits(connections_per_user=15, append=35651584),
        labels=True,
    ),
    Persona(
        "exchange",
        "https://github.com/jstedfast/MailKit/issues/849",
        _extensions(
            "SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
            ("AUTH=PLAIN", "AUTH=XOAUTH2"),
        ),
        "The Microsoft Exchange IMAP4 service is ready.",
        "/",
        (
            "trailing-space-in-status", "flags-behind-body", "charset-ascii-alone",
            "bye-when-throttled",
        ),
        ("CLIENTACCESSRULES", "CLIENTNETWORKPRESENCELOCATION", "BACKENDAUTHENTICATE"),
        {"Archive": "", "Deleted Items": r"\Trash", "Drafts": r"\Drafts",
         "Junk Email": r"\Junk", "Sent Items": r"\Sent"},
        Limits(connections_per_user=20),
        throttle_after=1000,
    ),
    Persona(
        "yahoo",
        "https://github.com/iroco-co/aioimaplib/issues/126",
        _extensions(
            "ID MOVE NAMESPACE UIDPLUS LITERAL+ CHILDREN UNSELECT OBJECTID IDLE ENABLE"
            " LIST-EXTENDED LIST-STATUS SPECIAL-USE APPENDLIMIT COMPRESS=DEFLATE SASL-IR",
            ("AUTH=PLAIN", *_OAUTH),
        ),
        "IMAP4rev1 Hello",
        "/",
        ("trailing-space-in-search", "no-charset", "no-or"),
        ("XYMHIGHESTMODSEQ", "X-MSG-EXT"),
        {"Archive": r"\Archive", "Bulk": r"\Junk", "Draft": r"\Drafts", "Sent": r"\Sent",
         "Trash": r"\Trash"},
        Limits(append=41697280),
    ),
    Persona(
        "icloud",
        "https://github.com/nextcloud/mail/issues/3401",
        _extensions(
            "CONDSTORE ENABLE QRESYNC QUOTA NAMESPACE UIDPLUS CHILDREN BINARY UNSELECT SORT"
            " CATENATE ESEARCH ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES WITHIN SASL-IR"
            " SEARCHRES ID IDLE LIST-STATUS LIST-EXTENDED",
            ("AUTH=PLAIN",),
        ),
        "iSCREAM ready to rumble",
        "/",
        ("no-rfc822", "silent-empty-search", "took-ms", "inbox-noinferiors"),
        ("XAPPLEPUSHSERVICE", "IMAP4", "XUM1"),
        {"Archive": "", "Deleted Messages": "", "Drafts": "", "Junk": "", "Sent Messages": ""},
    ),
    # Courier tells UTF8=ACCEPT as well, and takes 8-bit headers without it, which is not done here.
    Persona(
        "courier",
        "https://github.com/lefcha/imapfilter/issues/19, and Courier 5.0.13 of Debian 12",
        _extensions(
            "UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL"
            " ENABLE"
        ),
        "Courier-IMAP ready. Copyright 1998-2019 Double Precision, Inc."
        "  See COPYING for distribution information.",
        ".",
        (
            "inbox-namespace", "foreign-namespaces-of-courier", "no-capability-at-login",
            "no-uidnext-in-select", "rights-in-select", "recent-among-flags",
            "no-instead-of-bad", "quoted-mailboxes", "bare-refusals",
        ),
        ("ACL2=UNION",),
        {"INBOX.Drafts": "", "INBOX.Sent": "", "INBOX.Trash": ""},
    ),
    Persona(
        "cyrus",
        "https://github.com/nextcloud/mail/issues/2000, and Cyrus 3.6.1 of Debian 12",
        _extensions(
            "LITERAL+ ID ENABLE ACL BINARY CATENATE CHILDREN CONDSTORE CREATE-SPECIAL-USE ESEARCH"
            " ESORT LIST-EXTENDED LIST-STATUS METADATA MOVE MULTIAPPEND NAMESPACE OBJECTID PREVIEW"
            " QRESYNC QUOTA RIGHTS=texk SAVEDATE SORT SORT=DISPLAY SPECIAL-USE STATUS=SIZE"
            " THREAD=ORDEREDSUBJECT THREAD=REFERENCES UIDPLUS UNSELECT URLAUTH WITHIN THREAD=REFS"
            " SASL-IR COMPRESS=DEFLATE IDLE APPENDLIMIT"
        ),
        "localhost Cyrus IMAP 3.6.1 server ready",
        ".",
        (
            "inbox-namespace", "foreign-namespaces-of-cyrus", "short-greeting", "bare-refusals",
            "unknown-charset-is-bad", "flags-before-uid", "silent-is-told",
            "absent-numbers-left-out", "parents-stay",
        ),
        # LOGINDISABLED is told after the log-in, when no other can be.
        ("XLIST", "MAILBOX-REFERRALS", "NO_ATOMIC_RENAME", "LOGINDISABLED"),
        {"INBOX.Drafts": r"\Drafts", "INBOX.Sent": r"\Sent", "INBOX.Trash": r"\Trash"},
    ),
    Persona("minimal", "RFC 3501 and nothing else", _extensions("", ()), "ready"),
    Persona(
        "rev2",
        "RFC 9051 and nothing else: no IMAP4rev1 to fall back to",
        Extensions(("IMAP4rev2", "STARTTLS", "AUTH=PLAIN")),
        "ready",
        "/",
    ),
)  # fmt: skip
PERSONAS: dict[str, Persona] = {persona.name: persona for persona in _ALL}
# A quirk that is misspelt above is found when the module is imported.
for _persona in _ALL:
    Quirks(_persona.quirks)
