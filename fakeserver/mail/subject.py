"""The base subject of a message: what replies and forwards of it share (RFC 5256 section 2.1)."""

import re
from typing import NamedTuple

from fakeserver.mail.decoded import decode_field

_WHITE = re.compile(r"[ \t\r\n]+")
# subj-blob = "[" *BLOBCHAR "]" *WSP, BLOBCHAR being anything but brackets
_BLOB = re.compile(r"\[[^\[\]]*+\][ \t]*+")
# subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_REFWD = re.compile(r"(?:re|fwd?)[ \t]*+(?:\[[^\[\]]*+\][ \t]*+)?:", re.IGNORECASE)
_FWD_HEADER = re.compile(r"\[fwd:", re.IGNORECASE)


class Subject(NamedTuple):
    """A base subject, and whether something was taken off that a reply or forward has."""

    base: str
    is_reply: bool


def base_subject(value: bytes) -> Subject:
    """The base subject of a Subject field's value; time is linear in its length."""
    # Step 1: decoded, and every run of white space a single space.
    text = _WHITE.sub(" ", decode_field(value))
    start, end = 0, len(text)
    is_reply = False
    while True:
        end, had_trailer = _without_trailers(text, start, end)
        start, had_leader = _without_leaders(text, start, end)
        is_reply = is_reply or had_trailer or had_leader
        # Step 6: "[fwd: … ]" around the whole of it; what is within is looked at anew.
        found = _FWD_HEADER.match(text, start, end)
        if found is None or not text.endswith("]", found.end(), end):
            return Subject(text[start:end], is_reply)
        start, end, is_reply = found.end(), end - 1, True


def _without_trailers(text: str, start: int, end: int) -> tuple[int, bool]:
    """Step 2, subj-trailer = "(fwd)" / WSP: where the text ends, and whether one was "(fwd)"."""
    is_reply = False
    while True:
        if end > start and text[end - 1] in " \t":
            end -= 1
        elif end - start >= 5 and text[end - 5 : end].lower() == "(fwd)":
            end -= 5
            is_reply = True
        else:
            return end, is_reply


def _without_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    """Steps 3 to 5: where the text begins without leaders, and whether one was "re:" or such."""
    is_reply = False
    while True:
        while start < end and text[start] in " \t":
            start += 1
        last_blob = behind_blobs = start
        while (blob := _BLOB.match(text, behind_blobs, end)) is not None:
            last_blob, behind_blobs = behind_blobs, blob.end()
        refwd = _REFWD.match(text, behind_blobs, end)
        if refwd is None:
            # Step 4: a blob goes only where something is left behind it.
            return (last_blob if behind_blobs == end else behind_blobs), is_reply
        start, is_reply = refwd.end(), True
