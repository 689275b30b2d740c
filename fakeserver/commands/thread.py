"""THREAD (RFC 5256)."""

from collections.abc import Callable, Iterable

from fakeserver.commands.matching import compile_keys, matching, needs_mod_seq
from fakeserver.commands.require import view_of
from fakeserver.reply import Handler, Tagged
from fakeserver.search.program import Candidate
from fakeserver.search.sort import sent_date
from fakeserver.search.thread import (
    Roots,
    Threadable,
    by_ordered_subject,
    by_references,
    by_references_alone,
    encode_threads,
)
from fakeserver.session import Session
from imapproxy.wire import commands as wire

# Messages that are looked at between two turns of the reactor.
_BATCH = 200
_ALGORITHMS: dict[str, Callable[[Iterable[Threadable]], Roots]] = {
    "ORDEREDSUBJECT": by_ordered_subject,
    "REFERENCES": by_references,
    "REFS": by_references_alone,
}


def thread(session: Session, command: wire.Thread) -> Handler:
    """THREAD and UID THREAD; that the algorithm is known was seen before."""
    view = view_of(session)
    test = compile_keys(session, view, command.keys, command.charset)
    if needs_mod_seq(command.keys):
        yield session.enable_condstore()
    found = yield from matching(view, test)
    messages: list[Threadable] = []
    for count, candidate in enumerate(found, 1):
        messages.append(_threadable(candidate, by_uid=command.by_uid))
        if count % _BATCH == 0:
            yield b""
    threads = encode_threads(_ALGORITHMS[command.algorithm](messages))
    yield b"* THREAD%b%b\r\n" % (b" " if threads else b"", threads)
    return Tagged("Thread completed.")


def _threadable(candidate: Candidate, *, by_uid: bool) -> Threadable:
    content = candidate.message.content
    return Threadable(
        candidate.message.uid if by_uid else candidate.number,
        candidate.number,
        sent_date(candidate),
        content.subject_key,
        content.subject.is_reply,
        content.message_id,
        content.references,
    )
