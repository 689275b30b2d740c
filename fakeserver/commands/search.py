"""SEARCH and SORT (RFC 3501 section 6.4.4, RFC 5256; extended by RFC 4731, 5182, 5267, 5957)."""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from fakeserver.commands.matching import compile_keys, matching, needs_mod_seq
from fakeserver.commands.new_messages import fetch_new, parse_attributes
from fakeserver.commands.require import view_of
from fakeserver.commands.results import Result, check_options, forget_saved, plain_response
from fakeserver.mail.quoting import nstring
from fakeserver.reply import BadCommand, Handler, Tagged, untagged
from fakeserver.search.context import Context
from fakeserver.search.program import Candidate
from fakeserver.search.sort import SORT_KEYS, sort_messages
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from imapproxy.wire import commands as wire

# RFC 5267 section 4.3.1: one at least; what is more than enough is refused.
_MAX_CONTEXTS = 20


def search(session: Session, command: wire.Search, tag: bytes) -> Handler:
    """SEARCH and UID SEARCH."""
    if session.speaks_rev2 and command.return_options is None:
        # RFC 9051 section 6.4.4: the answer is ESEARCH in any case.
        command = replace(command, return_options=())
    check_options(session, command.return_options, "ESEARCH")
    _check_tag(session, command, tag)
    found = yield from _find(session, command)
    yield _answer(session, command, b"SEARCH", found, tag)
    yield _keep_up_to_date(session, command, found, tag)
    return Tagged("Search completed.")


def sort(session: Session, command: wire.Sort, tag: bytes) -> Handler:
    """SORT and UID SORT."""
    check_options(session, command.return_options, "ESORT")
    for key in command.criteria:
        is_display = key.criterion.startswith("DISPLAY")
        if key.criterion not in SORT_KEYS or (is_display and not session.has("SORT=DISPLAY")):
            raise BadCommand(f"Unknown sort argument: {key.criterion}")
    _check_tag(session, command, tag)
    found = yield from _find(session, command)
    ordered = yield from sort_messages(found, command.criteria)
    yield _answer(session, command, b"SORT", ordered, tag)
    yield _keep_up_to_date(session, command, ordered, tag)
    return Tagged("Sort completed.")


def cancel_update(session: Session, command: wire.CancelUpdate) -> Handler:
    """RFC 5267 section 4.3.5."""
    contexts = view_of(session).contexts
    unknown = [tag for tag in command.tags if tag not in contexts]
    if unknown:
        raise StoreError("Unknown tag.")
    yield b""
    for tag in command.tags:
        contexts.pop(tag, None)
    return Tagged("No further updates.")


def _updates(command: wire.Search | wire.Sort) -> bool:
    return any(option.name == "UPDATE" for option in command.return_options or ())


def _check_tag(session: Session, command: wire.Search | wire.Sort, tag: bytes) -> None:
    if _updates(command) and tag in view_of(session).contexts:
        # RFC 5267 section 4.3
        raise BadCommand("Tag reuse.")


def _keep_up_to_date(
    session: Session, command: wire.Search | wire.Sort, found: list[Candidate], tag: bytes
) -> bytes:
    """Let the client hear of what changes; a refusal where it asked for too much."""
    if not _updates(command):
        return b""
    view = view_of(session)
    if len(view.contexts) >= _MAX_CONTEXTS:
        return untagged(b"NO", "Too many contexts.", b"NOUPDATE " + nstring(tag))
    test = compile_keys(session, view, command.keys, command.charset, numbers_stay=True)
    order = None
    if isinstance(command, wire.Sort):
        order = partial(_in_order, command)
    attributes = [
        one
        for option in command.return_options or ()
        if option.name == "UPDATE"
        for one in parse_attributes(session, option.argument)
    ]
    view.contexts[tag] = Context(
        tag, test, found, order, by_uid=command.by_uid, attributes=tuple(attributes)
    )
    session.fetch_new = partial(fetch_new, session)
    return b""


def _in_order(command: wire.Sort, found: list[Candidate]) -> list[Candidate]:
    sorting = sort_messages(found, command.criteria)
    while True:
        try:
            next(sorting)
        except StopIteration as ended:
            ordered: list[Candidate] = ended.value
            return ordered


def _find(
    session: Session, command: wire.Search | wire.Sort
) -> Generator[bytes, bytes, list[Candidate]]:
    view = view_of(session)
    if "UTF8=ACCEPT" in session.enabled and isinstance(command, wire.Search) and command.charset:
        # RFC 6855 section 3
        raise BadCommand("CHARSET is not for those who enabled UTF8=ACCEPT.")
    try:
        test = compile_keys(session, view, command.keys, command.charset)
    except StoreError:
        forget_saved(view, command.return_options)
        raise
    if needs_mod_seq(command.keys):
        yield session.enable_condstore()
    return (yield from matching(view, test))


def _answer(
    session: Session,
    command: wire.Search | wire.Sort,
    name: bytes,
    found: list[Candidate],
    tag: bytes,
) -> bytes:
    by_uid, with_mod_seq = command.by_uid, needs_mod_seq(command.keys)
    if command.return_options is None:
        return plain_response(name, found, by_uid=by_uid, with_mod_seq=with_mod_seq)
    context = f"CONTEXT={name.decode()}"
    options = command.return_options
    result = Result(session, found, options, by_uid=by_uid, context=context)
    result.save(view_of(session))
    return result.response(tag, with_mod_seq=with_mod_seq)
