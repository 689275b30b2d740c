"""The control interface over HTTP: JSON in, JSON out, for programs on this machine alone.

A page in a browser on this machine must not get at it: what has an ``Origin``, or comes by another
name than one of the loopback (DNS rebinding), is refused.
"""

import ipaddress
import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.http import BAD_REQUEST, FORBIDDEN, OK, Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from fakeserver.control import MAX_REQUEST, Control, RequestMistake


def control_site(control: Control, reactor: Any) -> Site:
    """What is to listen."""
    site = Site(_Root(control), reactor=reactor)
    site.noisy = False
    # An access log on standard error is nothing that a test run wants.
    site.log = lambda request: None  # type: ignore[method-assign]
    return site


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can connect to this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Root(Resource):
    """Everything."""

    isLeaf = True

    def __init__(self, control: Control) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._control = control

    def render(self, request: Request) -> Any:
        """One request."""
        host = (request.getHeader("host") or "").rsplit(":", 1)[0].strip("[]")
        if request.getHeader("origin") is not None or not is_loopback(host):
            return _write(request, FORBIDDEN, {"error": "this is for programs on this machine"})
        method, path = request.method.decode("ascii", "replace"), request.path.decode("latin-1")
        try:
            answer = self._control.answer(method, path, _parameters(request))
        except RequestMistake as mistake:
            return _write(request, BAD_REQUEST, {"error": str(mistake)})
        if not isinstance(answer, Deferred):
            return _write(request, OK, {} if answer is None else answer)
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        answer.addCallback(lambda late: _finish(request, late))
        return NOT_DONE_YET


def _parameters(request: Request) -> dict[str, Any]:
    if request.method in (b"GET", b"HEAD"):
        return {
            name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
            for name, values in request.args.items()
        }
    body: bytes = request.content.read(MAX_REQUEST + 1) if request.content is not None else b""
    if len(body) > MAX_REQUEST:
        raise RequestMistake("too large")
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise RequestMistake(f"no JSON: {error}") from None
    if not isinstance(parameters, dict):
        raise RequestMistake("a request is a JSON object")
    return parameters


def _finish(request: Request, answer: Any) -> None:
    if not request._disconnected:
        request.write(_write(request, OK, answer))
        request.finish()


def _write(request: Request, status: int, answer: Any) -> bytes:
    request.setResponseCode(status)
    request.setHeader("content-type", "application/json")
    return json.dumps(answer).encode() + b"\n"
