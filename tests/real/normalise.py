"""What two runs of a script on the same server may differ in, and each with its reason."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.real.raw import Response

# What differs between two runs on the same server; each has to have its reason.
_MASKS: Sequence[tuple[re.Pattern[bytes], bytes]] = (
    # Dovecot says how long it took.
    (re.compile(rb" \(\d+\.\d{3} \+ \d+\.\d{3}(?: \+ \d+\.\d{3})? secs\)"), b""),
    # Which of two sessions is the first to see a message, and so gets to call it recent, is
    # decided by whose process wakes up first while one of them is in IDLE.
    (re.compile(rb"(?<=\()\\Recent ?| \\Recent(?=[ )])"), b""),
    (re.compile(rb"(?<=\bRECENT )\d+"), b"n"),
    # Dovecot compares the times of files, in seconds, with the time of the last look.
    (re.compile(rb"(?<=\()\\(?:Un)?Marked ?| \\(?:Un)?Marked(?=[ )])", re.IGNORECASE), b""),
    # The text of this one is what lies about in Dovecot's memory.
    (re.compile(rb"(?<=NO \[SERVERBUG\] ).*(?=\r\n)", re.DOTALL), b"text"),
    # "Refer to server log for more information. [2022-11-01 08:30:00]"
    (re.compile(rb"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"), b"[now]"),
    # Said of a line without a tag. Such a line ends at the proxy, which has to put a tag of its
    # own in the place of the client's; so the text, which is for people, is the proxy's.
    (re.compile(rb"\A\* BAD .*", re.DOTALL), b"* BAD text"),
    # These are about the hop: the proxy says itself that it does not offer them.
    (
        re.compile(rb"\Aa BAD .*\b(?:COMPRESS|STARTTLS|UNAUTHENTICATE)\b.*", re.DOTALL),
        b"a BAD text",
    ),
    # A line whose last quoted string is open and ends in "{5}" could be taken for the
    # announcement of a literal by one server and not by the next, so the proxy keeps it.
    (
        re.compile(rb"\Aa BAD (?:.*: Missing '\"'|quoted string without).*", re.DOTALL),
        b"a BAD open quoted string",
    ),
)
_KEYWORDS = re.compile(rb"\* (?:FLAGS|OK \[PERMANENTFLAGS) \(", re.IGNORECASE)
_RECENT = re.compile(rb"\A\* \d+ RECENT\r\n\Z")
# UIDVALIDITY comes of the time of day. Each value gets a number by its first appearance, so that
# the same mailbox must still have the same one, and another mailbox another.
_UIDVALIDITY = re.compile(rb"(\bUIDVALIDITY |\bAPPENDUID |\bCOPYUID )(\d+)")
# The capabilities of the hop: about the connection itself, which is another one with the proxy.
_HOP = re.compile(
    rb" (?:STARTTLS|LOGINDISABLED|AUTH=\S+|COMPRESS=\S+|SASL-IR|LOGIN-REFERRALS|MAILBOX-REFERRALS"
    rb"|\S+-PLUS)(?=[ \r\]])"
)
_HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")


@dataclass
class Normaliser:
    """Masks what two runs may differ in, and remembers what the placeholders stand for.

    ``steady`` leaves out which keywords there are: when Dovecot notices one that another session
    has invented depends on when it last had to look at its index.
    """

    steady: bool = False
    uid_validities: dict[bytes, int] = field(default_factory=dict)
    mod_seq: bytes = b"1"
    uid_validity: bytes = b"1"

    def fill(self, octets: bytes) -> bytes:
        """Put this run's numbers in the places of the placeholders."""
        octets = octets.replace(b"@MODSEQ@", self.mod_seq)
        return octets.replace(b"@UIDVALIDITY@", self.uid_validity)

    def normalise(self, responses: Iterable[Response]) -> list[bytes]:
        """Return the responses as they are compared: literals as they came, lines masked."""
        normal = []
        for response in responses:
            if _RECENT.match(response.octets):
                continue
            if self.steady and _KEYWORDS.match(response.octets):
                continue
            fragments = [
                self._line(fragment) if number % 2 == 0 else fragment
                for number, fragment in enumerate(response.fragments)
            ]
            normal.append(b"".join(fragments))
        return normal

    def _line(self, line: bytes) -> bytes:
        if match := _HIGHEST.search(line):
            self.mod_seq = match[1]
        if match := re.search(rb"\[UIDVALIDITY (\d+)\]", line):
            self.uid_validity = match[1]
        line = _UIDVALIDITY.sub(self._number_uid_validity, line)
        for pattern, replacement in _MASKS:
            line = pattern.sub(replacement, line)
        if b"CAPABILITY" in line:
            line = _HOP.sub(b"", line)
        return line

    def _number_uid_validity(self, match: re.Match[bytes]) -> bytes:
        # Dovecot answers 0 and 1 for what it does not have; those are not times.
        number = self.uid_validities.setdefault(match[2], len(self.uid_validities) + 1)
        return match[1] + b"v%d" % number
