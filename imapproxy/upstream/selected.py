"""What a server tells of a mailbox when it is selected."""

from collections.abc import Sequence
from dataclasses import dataclass

from imapproxy.wire import responses
from imapproxy.wire.flags import Flag
from imapproxy.wire.response_code import Count, PermanentFlags, ResponseCode, Word


@dataclass(frozen=True, slots=True)
class Selected:
    """The answer to SELECT or EXAMINE (RFC 3501 section 6.3.1).

    ``None`` where the server did not tell. ``permanent_flags`` is ``None`` when all flags can be
    changed for good (no PERMANENTFLAGS code); ``unseen`` is a message sequence number.
    """

    exists: int
    recent: int
    flags: tuple[Flag, ...]
    permanent_flags: tuple[Flag, ...] | None
    uid_validity: int | None
    uid_next: int | None
    unseen: int | None
    highest_mod_seq: int | None
    read_only: bool


def selected_from(status: responses.StatusResponse, data: Sequence[responses.Response]) -> Selected:
    """Read the untagged responses to SELECT and its tagged OK."""
    exists = recent = 0
    flags: tuple[Flag, ...] = ()
    permanent: tuple[Flag, ...] | None = None
    counts: dict[str, int] = {}
    for response in data:
        match response:
            case responses.Exists(count=count):
                exists = count
            case responses.Recent(count=count):
                recent = count
            case responses.FlagsData(flags=told):
                flags = told
            case responses.StatusResponse(code=PermanentFlags(flags=told)):
                permanent = told
            case responses.StatusResponse(code=Count(name=name, value=value)):
                counts[name] = value
            case _:
                pass
    return Selected(
        exists=exists,
        recent=recent,
        flags=flags,
        permanent_flags=permanent,
        uid_validity=counts.get("UIDVALIDITY"),
        uid_next=counts.get("UIDNEXT"),
        unseen=counts.get("UNSEEN"),
        highest_mod_seq=counts.get("HIGHESTMODSEQ"),
        read_only=_is(status.code, "READ-ONLY"),
    )


def _is(code: ResponseCode | None, name: str) -> bool:
    return isinstance(code, Word) and code.name == name
