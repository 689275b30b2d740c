"""What can be asked of a server from outside, in any language: typed requests, JSON-able answers.

Pure but for the server that it is done to; :mod:`fakeserver.control_http` brings it to a port.
"""

import base64
import binascii
import datetime
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from fakeserver.certificates import Kind
from fakeserver.fault_table import FaultMistake, fault_of
from fakeserver.mail.source import octets_of
from fakeserver.server import FakeServer
from fakeserver.snapshot import Snapshot
from fakeserver.store.errors import StoreError
from fakeserver.transcript import CommandRecord
from imapproxy.wire.mailbox import decode_mailbox, encode_mailbox

MAX_REQUEST = 64 * 1024 * 1024


class RequestMistake(ValueError):
    """A request cannot be done; ``str()`` says why."""


class _Request(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    user: str | None = None


class _InMailbox(_Request):
    mailbox: str = "INBOX"


class _Deliver(_InMailbox):
    text: str | None = None
    base64: str | None = None
    flags: list[str] = []
    internal_date: datetime.datetime | None = None


class _Flags(_InMailbox, kw_only=True):
    uid: int
    flags: list[str]


class _Expunge(_InMailbox):
    uids: list[int] | None = None


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    user: str
    password: str = "pw"  # noqa: S105
    empty: bool = True


class _Certificate(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind


class _Clock(msgspec.Struct, forbid_unknown_fields=True):
    moment: datetime.datetime | None


class _Asked(_Request):
    name: str | None = None


class _Wait(_Request, kw_only=True):
    name: str
    count: int = 1


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Control:
    """One server under control; ``fresh`` is what ``reset`` goes back to."""

    def __init__(self, server: FakeServer, fresh: Snapshot) -> None:
        self._server = server
        self._fresh = fresh

    def answer(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        """Do what is asked; the answer, or a Deferred of it. Raises :class:`RequestMistake`."""
        route = _ROUTES.get((method, path))
        if route is None:
            known = ", ".join(sorted({f"{one} {where}" for one, where in _ROUTES}))
            raise RequestMistake(f"there is no {method} {path}; there are {known}")
        kind, function = route
        try:
            # Numbers in the query of a URL are text.
            request = msgspec.convert(parameters, kind, strict=method != "GET")
            return function(self, request)
        except msgspec.ValidationError as error:
            raise RequestMistake(str(error)) from None
        except StoreError as error:
            raise RequestMistake(error.text) from None
        except (FaultMistake, binascii.Error) as error:
            raise RequestMistake(str(error)) from None
        except KeyError as error:
            what = error.args[0]
            nobody = f"there is no user {what.decode()}" if isinstance(what, bytes) else what
            raise RequestMistake(nobody) from None

    def _describe(self, _: _Nothing) -> Any:
        server = self._server
        users = [user.decode("utf-8", "replace") for user in server.host.accounts]
        ports = {"imap": server.port, "imaps": server.tls_port}
        return {**ports, "ca_file": str(server.ca_file), "users": users}

    def _reset(self, _: _Nothing) -> Any:
        self._server.start_over(self._fresh)

    def _add_account(self, request: _Account) -> Any:
        self._server.add_account(request.user, request.password, empty=request.empty)

    def _mailboxes(self, request: _Request) -> Any:
        return list(map(decode_mailbox, self._server.account(request.user).mailboxes))

    def _create(self, request: _InMailbox) -> Any:
        self._server.account(request.user).create(encode_mailbox(request.mailbox))

    def _messages(self, request: _InMailbox) -> Any:
        return [
            {
                "uid": one.uid,
                "flags": sorted(flag.decode("utf-8", "replace") for flag in one.flags),
                "internal_date": one.internal_date.isoformat(),
                "base64": base64.b64encode(one.content.octets).decode("ascii"),
            }
            for one in self._server.mailbox(request.mailbox, request.user).messages
        ]

    def _deliver(self, request: _Deliver) -> Any:
        if (request.text is None) == (request.base64 is None):
            raise RequestMistake("a message is given as text or as base64")
        if request.base64 is not None:
            octets = base64.b64decode(request.base64, validate=True)
        else:
            octets = octets_of(request.text or "")
        stored = self._server.deliver(
            octets,
            request.mailbox,
            user=request.user,
            flags=[flag.encode() for flag in request.flags],
            internal_date=request.internal_date,
        )
        return {"uid": stored.uid}

    def _set_flags(self, request: _Flags) -> Any:
        flags = [flag.encode() for flag in request.flags]
        self._server.set_flags(request.uid, flags, request.mailbox, user=request.user)

    def _expunge(self, request: _Expunge) -> Any:
        self._server.expunge(request.uids, request.mailbox, user=request.user)

    def _bump(self, request: _InMailbox) -> Any:
        value = self._server.bump_uid_validity(request.mailbox, user=request.user)
        return {"uid_validity": value}

    def _fault(self, table: dict[str, Any]) -> Any:
        self._server.faults.add(fault_of(table))

    def _clear_faults(self, _: _Nothing) -> Any:
        self._server.faults.clear()

    def _certificate(self, request: _Certificate) -> Any:
        self._server.use_certificate(request.kind)

    def _clock(self, request: _Clock) -> Any:
        self._server.freeze_clock(request.moment)

    def _disconnect(self, _: _Nothing) -> Any:
        self._server.disconnect_all()

    def _commands(self, request: _Asked) -> Any:
        return list(map(_told, self._server.commands(request.name, request.user)))

    def _transcript(self, _: _Nothing) -> Any:
        return {"text": self._server.transcript.text()}

    def _wait(self, request: _Wait) -> Any:
        """Answered once a client has given the command."""
        given: Deferred[Any] = Deferred()

        def look() -> bool:
            found = self._server.commands(request.name, request.user)
            if len(found) >= request.count and not given.called:
                given.callback(_told(found[request.count - 1]))
            return given.called

        self._server.transcript.tell(look)
        return given


def _told(command: CommandRecord) -> dict[str, Any]:
    reply = command.reply
    return {
        "connection": command.connection,
        "user": command.user,
        "tag": command.tag.decode("utf-8", "replace"),
        "name": command.name,
        "text": command.octets.decode("utf-8", "replace"),
        "reply": None if reply is None else reply.condition.decode("ascii"),
    }


_ROUTES: dict[tuple[str, str], tuple[Any, Callable[[Control, Any], Any]]] = {
    ("GET", "/"): (_Nothing, Control._describe),
    ("POST", "/reset"): (_Nothing, Control._reset),
    ("POST", "/accounts"): (_Account, Control._add_account),
    ("GET", "/mailboxes"): (_Request, Control._mailboxes),
    ("POST", "/mailboxes"): (_InMailbox, Control._create),
    ("GET", "/messages"): (_InMailbox, Control._messages),
    ("POST", "/messages"): (_Deliver, Control._deliver),
    ("POST", "/flags"): (_Flags, Control._set_flags),
    ("POST", "/expunge"): (_Expunge, Control._expunge),
    ("POST", "/uid-validity"): (_InMailbox, Control._bump),
    ("POST", "/faults"): (dict[str, Any], Control._fault),
    ("DELETE", "/faults"): (_Nothing, Control._clear_faults),
    ("POST", "/certificate"): (_Certificate, Control._certificate),
    ("POST", "/clock"): (_Clock, Control._clock),
    ("POST", "/disconnect"): (_Nothing, Control._disconnect),
    ("GET", "/commands"): (_Asked, Control._commands),
    ("GET", "/transcript"): (_Nothing, Control._transcript),
    ("GET", "/wait"): (_Wait, Control._wait),
}
