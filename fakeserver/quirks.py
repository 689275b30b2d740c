r"""Quirks: what single servers do otherwise than the RFCs have it, each with where it was seen.

A quirk changes responses on their way out, or answers a command instead of running it; each can be
switched on by its name, alone or as part of a persona.
"""

import re
from collections.abc import Iterable

from fakeserver.observed_quirks import OBSERVED
from fakeserver.quirk import Quirk, Tell, replacing
from fakeserver.reply import Tagged
from fakeserver.rewriting import cut_responses
from imapproxy.wire import commands as wire
from imapproxy.wire.search_key import And, Not, Or, SearchKey


class UnknownQuirk(ValueError):
    """There is no such quirk; ``str()`` names those that there are."""


class Quirks:
    """Those of one server."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(names))
        unknown = [name for name in self.names if name not in QUIRKS]
        if unknown:
            raise UnknownQuirk(f"there is no quirk {unknown[0]!r}; there are {', '.join(QUIRKS)}")
        quirks = [QUIRKS[name] for name in self.names]
        self._tell = [quirk.tell for quirk in quirks if quirk.tell is not None]
        self._refuse = [quirk.refuse for quirk in quirks if quirk.refuse is not None]

    @property
    def tell(self) -> Tell | None:
        """What becomes of octets that are whole responses; ``None`` for nothing."""
        return self._told if self._tell else None

    def refusal(self, body: wire.CommandBody) -> Tagged | None:
        """The reply to give instead of running a command."""
        return next((found for refuse in self._refuse if (found := refuse(body)) is not None), None)

    def _told(self, octets: bytes) -> bytes:
        told = []
        for response in cut_responses(octets):
            changed = response
            for tell in self._tell:
                changed = tell(changed)
            told.append(changed)
        return b"".join(told)


_FETCH = re.compile(rb"\* \d+ FETCH \(")
_LITERAL = re.compile(rb"\{\d+\}\r\n")


def _without_recent(response: bytes) -> bytes:
    if _FETCH.match(response) is None:
        return re.sub(rb"\A(\* )\d+( RECENT\r\n)|(\bRECENT )\d+", rb"\g<1>\g<3>0\g<2>", response)
    found = _LITERAL.search(response)
    end = found.start() if found is not None else len(response)
    return re.sub(rb" ?\\Recent\b", b"", response[:end]) + response[end:]


_FLAGS_FIRST = re.compile(
    rb"(\* \d+ FETCH \()((?:UID \d+ )?FLAGS \([^)]*\)) (BODY\[.*)\)\r\n", re.DOTALL
)


def _flags_last(response: bytes) -> bytes:
    return _FLAGS_FIRST.sub(rb"\1\3 \2)\r\n", response)


_RFC822 = re.compile(rb" ?\bRFC822 \{(\d+)\}\r\n")


def _without_rfc822(response: bytes) -> bytes:
    found = _RFC822.search(response) if _FETCH.match(response) is not None else None
    if found is None:
        return response
    return response[: found.start()] + response[found.end() + int(found[1]) :]


def _no_charset(body: wire.CommandBody) -> Tagged | None:
    if isinstance(body, wire.Search) and body.charset is not None:
        name = "UID SEARCH" if body.by_uid else "SEARCH"
        return Tagged(f"{name} Command arguments invalid", b"CLIENTBUG", b"BAD")
    return None


def _ascii_alone(body: wire.CommandBody) -> Tagged | None:
    charset = body.charset if isinstance(body, wire.Search) else None
    if charset is not None and bytes(charset).upper() != b"US-ASCII":
        text = "The specified charset is not supported."
        return Tagged(text, b"BADCHARSET (US-ASCII)", b"NO")
    return None


def _no_or(body: wire.CommandBody) -> Tagged | None:
    if isinstance(body, wire.Search) and any(map(_names_or, body.keys)):
        name = "UID SEARCH" if body.by_uid else "SEARCH"
        return Tagged(f"{name} Server error - Please try again later", b"SERVERBUG", b"NO")
    return None


def _names_or(key: SearchKey) -> bool:
    match key:
        case Or():
            return True
        case Not(inner):
            return _names_or(inner)
        case And(keys):
            return any(map(_names_or, keys))
    return False


def _below_inbox(body: wire.CommandBody) -> Tagged | None:
    name = {wire.Create: "mailbox", wire.Rename: "new_name"}.get(type(body))
    if name is None or bytes(getattr(body, name)).upper().startswith(b"INBOX."):
        return None
    return Tagged("Invalid mailbox name.", b"", b"NO")


_ALWAYS = wire.Capability | wire.Noop | wire.Logout | wire.Id | wire.StartTls


def _not_connected(body: wire.CommandBody) -> Tagged | None:
    if isinstance(body, _ALWAYS | wire.Login | wire.Authenticate):
        return None
    return Tagged("User is authenticated but not connected.", b"", b"BAD")


_ISSUE = "https://github.com/{}/issues/{}"
QUIRKS: dict[str, Quirk] = {
    quirk.name: quirk
    for quirk in (
        Quirk(
            "no-recent",
            r"RECENT is always 0, and no message is \Recent (Gmail)",
            _ISSUE.format("owncloud-archive/mail", 664),
            tell=_without_recent,
        ),
        Quirk(
            "too-many-is-alert",
            "too many connections are told with ALERT (Gmail)",
            _ISSUE.format("zone-eu/wildduck", 35),
            tell=replacing(
                rb"\A(\S+ NO) \[LIMIT\] (Too many simultaneous connections\.)",
                rb"\1 [ALERT] \2 (Failure)",
            ),
        ),
        Quirk(
            "trailing-space-in-status",
            "a space behind the list of STATUS (Exchange)",
            _ISSUE.format("modern-email/defects", 9),
            tell=replacing(rb"\A(\* STATUS .*\))\r\n\Z", b"\\1 \r\n"),
        ),
        Quirk(
            "trailing-space-in-search",
            "a space behind the last number of SEARCH (Yahoo)",
            "https://github.com/djc/imap-proto/pull/108",
            tell=replacing(rb"\A(\* SEARCH[ \d]*)\r\n\Z", b"\\1 \r\n"),
        ),
        Quirk(
            "flags-behind-body",
            "UID and FLAGS are told behind the literal of a body (Exchange)",
            _ISSUE.format("qnikst/HaskellNet", 15),
            tell=_flags_last,
        ),
        Quirk(
            "charset-ascii-alone",
            "SEARCH knows no charset but US-ASCII (Exchange)",
            _ISSUE.format("jstedfast/MailKit", 808),
            refuse=_ascii_alone,
        ),
        Quirk(
            "no-charset",
            "SEARCH with a CHARSET is BAD (Yahoo)",
            _ISSUE.format("iroco-co/aioimaplib", 126),
            refuse=_no_charset,
        ),
        Quirk(
            "no-or",
            "SEARCH with OR is NO [SERVERBUG] (Yahoo)",
            _ISSUE.format("mscdex/node-imap", 737),
            refuse=_no_or,
        ),
        Quirk(
            "no-rfc822",
            "FETCH RFC822 is OK and tells no message; BODY[] does (iCloud)",
            _ISSUE.format("modern-email/defects", 36),
            tell=_without_rfc822,
        ),
        Quirk(
            "silent-empty-search",
            "SEARCH that finds nothing has no untagged SEARCH (iCloud)",
            "https://github.com/moralmunky/Home-Assistant-Mail-And-Packages/pull/1265",
            tell=replacing(rb"\A\* SEARCH\r\n\Z", b""),
        ),
        Quirk(
            "took-ms",
            "tagged replies tell how long it took (iCloud)",
            _ISSUE.format("nextcloud/mail", 3401),
            tell=replacing(
                rb"\A([^*+\s]\S* OK (?:\[[^\]]*\] )?)(\w+) completed\.\r\n\Z",
                b"\\1\\2 completed (took 0 ms)\r\n",
            ),
        ),
        Quirk(
            "inbox-noinferiors",
            r"INBOX is \Noinferiors (iCloud)",
            _ISSUE.format("nextcloud/mail", 3401),
            tell=replacing(rb'\A(\* LIST \()[^)]*(\) "[^"]" INBOX\r\n)\Z', rb"\1\\Noinferiors\2"),
        ),
        Quirk(
            "inbox-namespace",
            "all mailboxes are below INBOX (Courier, Cyrus without altnamespace)",
            _ISSUE.format("lefcha/imapfilter", 19),
            tell=replacing(rb'\A(\* NAMESPACE \(\(")(" "\."\)\))', rb"\1INBOX.\2"),
            refuse=_below_inbox,
        ),
        Quirk(
            "copyuid-tagged",
            "MOVE tells COPYUID in its tagged reply (Gmail)",
            "https://github.com/ruby/net-imap/pull/398",
        ),
        Quirk(
            "copyuid-bare",
            "MOVE tells COPYUID on a line with no * OK before it (Exchange 2013)",
            _ISSUE.format("domainaware/parsedmarc", 80),
            tell=replacing(rb"\A\* OK (\[COPYUID [^\]]*\])[^\r]*", rb"\1"),
        ),
        Quirk(
            "not-connected",
            "whoever has logged in is told that he is not connected (Exchange)",
            _ISSUE.format("mscdex/node-imap", 523),
            refuse=_not_connected,
        ),
        Quirk(
            "bye-when-throttled",
            "after many commands the connection is closed with BYE (Exchange)",
            _ISSUE.format("mscdex/node-imap", 561),
        ),
        *OBSERVED,
    )
}
