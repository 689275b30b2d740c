r"""Quirks of Cyrus and Courier, each observed with the server itself."""

import re

from fakeserver.quirk import Quirk, replacing

_CYRUS = "observed with Cyrus 3.6.1 as packaged by Debian 12"
_COURIER = "observed with Courier 5.0.13 as packaged by Debian 12"
_BOTH = "observed with Cyrus 3.6.1 and Courier 5.0.13 as packaged by Debian 12"

_GREETING = re.compile(rb"\A\* OK \[CAPABILITY ([^\]]*)\]")
_TOLD_AT_FIRST = re.compile(
    rb"IMAP4rev1|LITERAL\+|ID|ENABLE|STARTTLS|LOGINDISABLED|SASL-IR|AUTH=.*", re.IGNORECASE
)


def _short_greeting(response: bytes) -> bytes:
    found = _GREETING.match(response)
    if found is None:
        return response
    told = [word for word in found[1].split() if _TOLD_AT_FIRST.fullmatch(word)]
    return b"* OK [CAPABILITY %b]%b" % (b" ".join(told), response[found.end() :])


OBSERVED = (
    Quirk(
        "short-greeting",
        "the greeting tells only the capabilities of a log-in; CAPABILITY tells all (Cyrus)",
        _CYRUS,
        tell=_short_greeting,
    ),
    Quirk(
        "bare-refusals",
        "NO has no ALREADYEXISTS, NONEXISTENT, CANNOT, NOPERM or READ-ONLY (Cyrus, Courier)",
        _BOTH,
        tell=replacing(
            rb"\A([^*+\s]\S* NO) \[(?:ALREADYEXISTS|NONEXISTENT|CANNOT|NOPERM|READ-ONLY)\]", rb"\1"
        ),
    ),
    Quirk(
        "unknown-charset-is-bad",
        "SEARCH with a charset that is not known is BAD, without BADCHARSET (Cyrus)",
        _CYRUS,
        tell=replacing(
            rb"\A([^*+\s]\S*) NO \[BADCHARSET [^\]]*\] [^\r]*",
            rb"\1 BAD Unrecognized character set",
        ),
    ),
    Quirk(
        "flags-before-uid",
        "FETCH tells FLAGS before UID (Cyrus)",
        _CYRUS,
        tell=replacing(rb"\A(\* \d+ FETCH \()(UID \d+) (FLAGS \([^)]*\))", rb"\1\3 \2"),
    ),
    Quirk("silent-is-told", "STORE FLAGS.SILENT is answered with FETCH (Cyrus)", _CYRUS),
    Quirk(
        "absent-numbers-left-out",
        "messages of a number that is not are left out; NO where none is left (Cyrus)",
        _CYRUS,
    ),
    Quirk(
        "parents-stay",
        "DELETE of a mailbox with others below it is NO [HASCHILDREN] (Cyrus)",
        _CYRUS,
    ),
    Quirk(
        "foreign-namespaces-of-cyrus",
        "NAMESPACE tells of others' mailboxes and of shared ones where there are none (Cyrus)",
        _CYRUS,
        tell=replacing(
            rb"\A(\* NAMESPACE \(\(\S+ \S+\)\)) NIL NIL", rb'\1 (("user." ".")) (("" "."))'
        ),
    ),
    Quirk(
        "foreign-namespaces-of-courier",
        "NAMESPACE tells of shared mailboxes twice, where there are none (Courier)",
        _COURIER,
        tell=replacing(
            rb"\A(\* NAMESPACE \(\(\S+ \S+\)\)) NIL NIL",
            rb'\1 NIL (("#shared." ".")("shared." "."))',
        ),
    ),
    Quirk(
        "no-capability-at-login",
        "LOGIN is OK without CAPABILITY (Courier)",
        _COURIER,
        tell=replacing(rb"\A([^*+\s]\S* OK) \[CAPABILITY [^\]]*\]", rb"\1"),
    ),
    Quirk(
        "no-uidnext-in-select",
        "SELECT and EXAMINE tell neither UIDNEXT nor UNSEEN; STATUS does (Courier)",
        _COURIER,
        tell=replacing(rb"\A\* OK \[(?:UIDNEXT|UNSEEN) \d+\][^\r]*\r\n\Z", b""),
    ),
    Quirk(
        "rights-in-select",
        "SELECT and EXAMINE tell the user's rights in a code of its own, MYRIGHTS (Courier)",
        _COURIER,
        tell=replacing(
            rb"\A(\* OK \[UIDVALIDITY \d+\][^\r]*\r\n)\Z",
            b'\\1* OK [MYRIGHTS "acdilrsw"] ACL\r\n',
        ),
    ),
    Quirk(
        "recent-among-flags",
        r"FLAGS of a mailbox has \Recent (Courier)",
        _COURIER,
        tell=replacing(rb"\A(\* FLAGS \([^)]*)\)", rb"\1 \\Recent)"),
    ),
    Quirk(
        "no-instead-of-bad",
        "a command that is not understood is NO, not BAD (Courier)",
        _COURIER,
        tell=replacing(
            rb"\A([^*+\s]\S*) BAD [^\r]*", rb"\1 NO Error in IMAP command received by server."
        ),
    ),
    Quirk(
        "quoted-mailboxes",
        "LIST, LSUB and STATUS quote every name of a mailbox (Courier)",
        _COURIER,
        tell=replacing(
            rb'\A(\* (?:(?:LIST|LSUB) \([^)]*\) (?:NIL|"[^"]*")|STATUS) )([^"\s{]+)', rb'\1"\2"'
        ),
    ),
)
