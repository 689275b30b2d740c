"""Faults that need the whole of a reply: its responses told twice, in another order, or wrongly."""

import re
from collections.abc import Iterable

from fakeserver.faults import DuplicateExists, ReorderUntagged, Rewriting, WrongLiteralSize
from imapproxy.wire.framing import Line, Octets, ResponseFramer

_EXISTS = re.compile(rb"\* \d+ EXISTS\r\n")
_ANNOUNCEMENT = re.compile(rb"\{(\d+)\}\r\n")


def rewrite(octets: bytes, rewritings: Iterable[Rewriting]) -> bytes:
    """A reply as it is sent instead."""
    responses = cut_responses(octets)
    for rewriting in rewritings:
        match rewriting:
            case DuplicateExists():
                responses = [
                    again
                    for one in responses
                    for again in [one] * (1 + bool(_EXISTS.fullmatch(one)))
                ]
            case ReorderUntagged():
                responses = _reordered(responses)
            case WrongLiteralSize(by):
                responses = _with_wrong_size(responses, by)
    return b"".join(responses)


def cut_responses(octets: bytes) -> list[bytes]:
    """The responses of a reply, literals and all; what is no whole one comes last."""
    framer = ResponseFramer()
    framer.feed(octets)
    responses: list[bytes] = []
    at = end = 0
    while (fragment := framer.next_fragment()) is not None:
        end = len(octets) - framer.buffered
        if (isinstance(fragment, Line) and fragment.literal is None) or not isinstance(
            fragment, Line | Octets
        ):
            responses.append(octets[at:end])
            at = end
    return [*responses, octets[at:]] if at < len(octets) else responses


def _reordered(responses: list[bytes]) -> list[bytes]:
    untagged = [one for one in responses if one.startswith(b"* ")]
    return [untagged.pop() if one.startswith(b"* ") else one for one in responses]


def _with_wrong_size(responses: list[bytes], by: int) -> list[bytes]:
    for place, response in enumerate(responses):
        # One with a literal has a line end before its last.
        found = _ANNOUNCEMENT.search(response)
        if found is not None and found.end() < len(response):
            wrong = b"{%d}\r\n" % max(0, int(found[1]) + by)
            changed = response[: found.start()] + wrong + response[found.end() :]
            return [*responses[:place], changed, *responses[place + 1 :]]
    return responses
