"""Logging in: by what the server offers, and without a trace of the password."""

import base64
import gc
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from imapproxy.upstream.client import Outcome
from imapproxy.upstream.errors import (
    LoginRefused,
    NoWayToLogIn,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from imapproxy.upstream.log_in import Introduction, log_in
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret
from tests.upstream.talk import Talk, failure, result

_PASSWORD = b"opensesame-7391"


def _log_in(talk: Talk, user=b"demo", password=_PASSWORD, authorization=b"") -> Deferred[Outcome]:
    credentials = Credentials(user, Secret(password), authorization)
    return Deferred.fromCoroutine(log_in(talk.client, credentials))


def _plain(user=b"demo", password=_PASSWORD, authorization=b"") -> bytes:
    return base64.b64encode(b"\0".join((authorization, user, password)))


class TestChoice:
    def test_plain_with_initial_response(self):
        talk = Talk("IMAP4rev1 SASL-IR AUTH=PLAIN LOGINDISABLED")
        done = _log_in(talk)
        talk.expect(b"P1 AUTHENTICATE PLAIN %b\r\n" % _plain())
        talk.script("S: P1 OK [CAPABILITY IMAP4rev1 X] in")
        assert result(done).text == b"[CAPABILITY IMAP4rev1 X] in"
        assert list(talk.client.capabilities) == ["IMAP4rev1", "X"]

    def test_imap4rev2_has_it_built_in(self):
        talk = Talk("IMAP4rev2 AUTH=PLAIN")
        _log_in(talk)
        talk.expect(b"P1 AUTHENTICATE PLAIN %b\r\n" % _plain())

    @pytest.mark.parametrize("challenge", ["+ ", "+", "+ anything"])
    def test_plain_without(self, challenge):
        talk = Talk("IMAP4rev1 AUTH=PLAIN")
        done = _log_in(talk)
        talk.script(f"C: P1 AUTHENTICATE PLAIN\nS: {challenge}\nC: {_plain().decode()}")
        talk.script("S: * CAPABILITY IMAP4rev1 Y\nS: P1 OK in")
        assert list(result(done).untagged) == [b"* CAPABILITY IMAP4rev1 Y\r\n"]
        assert list(talk.client.capabilities) == ["IMAP4rev1", "Y"]

    def test_the_authorization_identity_is_passed_on(self):
        talk = Talk("IMAP4rev1 SASL-IR AUTH=PLAIN")
        _log_in(talk, authorization=b"shared")
        talk.expect(b"P1 AUTHENTICATE PLAIN %b\r\n" % _plain(authorization=b"shared"))

    def test_login_cannot_pass_an_authorization_identity_on(self):
        failure(_log_in(Talk("IMAP4rev1"), authorization=b"shared"), NoWayToLogIn)

    @pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 AUTH=XOAUTH2"])
    def test_login_where_plain_is_not_offered(self, capabilities):
        talk = Talk(capabilities)
        done = _log_in(talk, password=b'p"a\\ss w]rd')
        talk.script(r"""
            C: P1 LOGIN demo "p\\"a\\\\ss w]rd"
            S: P1 OK in
            C: P2 CAPABILITY
            S: * CAPABILITY IMAP4rev1 Z
            S: P2 OK
        """)
        assert result(done).text == b"in"
        assert "Z" in talk.client.capabilities

    @pytest.mark.parametrize("password", [b"p\xc3\xa4ss", b"two\r\nlines", b"lf\n", b" " * 2000])
    def test_what_cannot_be_quoted_goes_as_a_literal(self, password):
        size = len(password)
        talk = Talk("IMAP4rev1 LITERAL+")
        _log_in(talk, password=password)
        talk.expect(b"P1 LOGIN demo {%d+}\r\n%b\r\n" % (size, password))
        talk = Talk("IMAP4rev1")
        _log_in(talk, password=password)
        talk.expect(b"P1 LOGIN demo {%d}\r\n" % size)
        talk.expect_nothing()
        talk.say(b"+ \r\n")
        talk.expect(password + b"\r\n")

    def test_both_as_literals_and_the_first_refused(self):
        talk = Talk("IMAP4rev1")
        done = _log_in(talk, b"\xc3\xa4", b"\xc3\xb6")
        talk.script("C: P1 LOGIN {2}\nS: P1 BAD no literals")
        failure(done, LoginRefused)

    @pytest.mark.parametrize("capabilities", ["IMAP4rev1 LOGINDISABLED", "LOGINDISABLED AUTH=X"])
    def test_no_way_at_all(self, capabilities):
        error = failure(_log_in(Talk(capabilities)), NoWayToLogIn)
        assert "does not offer LOGIN, AUTH=PLAIN or AUTH=LOGIN" in str(error)

    def test_the_mechanism_login_where_there_is_nothing_else(self):
        talk = Talk("IMAP4rev1 LOGINDISABLED AUTH=LOGIN")
        done = _log_in(talk)
        name, password = (base64.b64encode(octets).decode() for octets in (b"demo", _PASSWORD))
        talk.script(rf"""
            C: P1 AUTHENTICATE LOGIN
            S: + VXNlcm5hbWU6
            C: {name}
            S: + UGFzc3dvcmQ6
            C: {password}
            S: P1 OK [CAPABILITY IMAP4rev1] in
        """)
        result(done)

    def test_capabilities_are_asked_for_where_nobody_told_them(self):
        talk = Talk(None)
        _log_in(talk)
        talk.script(r"""
            C: P1 CAPABILITY
            S: * CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN
            S: P1 OK
            C: P2 AUTHENTICATE PLAIN
        """)

    def test_capabilities_from_before_are_void_afterwards(self):
        talk = Talk("IMAP4rev1 AUTH=PLAIN SASL-IR")
        done = _log_in(talk)
        talk.wire.take()
        talk.script("S: P1 OK\nC: P2 CAPABILITY\nS: P2 OK")
        result(done)
        assert talk.client.capabilities is None

    @pytest.mark.parametrize(
        "credentials",
        [(b"a\0b", b"c"), (b"a", b"b\0c"), (b"a", b"b", b"c\0d")],
    )
    @pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 AUTH=PLAIN SASL-IR"])
    def test_nul_is_never_sent(self, capabilities, credentials):
        talk = Talk(capabilities)
        failure(_log_in(talk, *credentials), NoWayToLogIn)
        talk.expect_nothing()

    def test_other_commands_stay_out_of_the_dialogue(self):
        talk = Talk("IMAP4rev1 AUTH=PLAIN")
        _log_in(talk)
        noop = talk.client.noop()
        talk.script(f"C: P1 AUTHENTICATE PLAIN\nS: +\nC: {_plain().decode()}")
        talk.script("S: P1 OK [CAPABILITY X] in\nC: P2 NOOP\nS: P2 OK")
        result(noop)

    def test_a_server_that_asks_on_gets_empty_lines(self):
        talk = Talk("IMAP4rev1 AUTH=PLAIN SASL-IR")
        done = _log_in(talk)
        talk.wire.take()
        talk.script("S: + eyJzdGF0dXMiOiI0MDAifQ==\nC:\nS: P1 NO failed")
        failure(done, LoginRefused)

    @given(st.binary(min_size=1, max_size=40).filter(lambda octets: b"\0" not in octets))
    @settings(max_examples=200, deadline=None)
    def test_any_password_stays_inside_its_own_command(self, password):
        talk = Talk("IMAP4rev1 LITERAL+")
        _log_in(talk, password=password)
        sent = talk.wire.take()
        assert sent.startswith(b"P1 LOGIN demo ")
        argument = sent.removeprefix(b"P1 LOGIN demo ").removesuffix(b"\r\n")
        if not argument.startswith(b"{%d+}\r\n" % len(password)):
            assert b"\n" not in argument
            assert b"\r" not in argument


class TestAhead:
    """The log-in goes out behind the question what is offered, if that was told before."""

    BEFORE = "IMAP4rev1 AUTH=PLAIN SASL-IR"

    def _log_in(self, talk: Talk, told: str | None = BEFORE) -> Deferred[Outcome]:
        self.introduction = Introduction()
        self.introduction.told = Capabilities(told.split()) if told is not None else None
        credentials = Credentials(b"demo", Secret(_PASSWORD))
        return Deferred.fromCoroutine(log_in(talk.client, credentials, self.introduction))

    def test_both_at_once(self):
        talk = Talk(None)
        done = self._log_in(talk)
        talk.script(f"""
            C: P1 CAPABILITY
            C: P2 AUTHENTICATE PLAIN {_plain().decode()}
            S: * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR NEW
            S: P1 OK
            S: * OK [ALERT] Down at noon
            S: P2 OK [CAPABILITY IMAP4rev1 IN] in
        """)
        # What was told before log-in is no part of it.
        assert result(done).untagged == (b"* OK [ALERT] Down at noon\r\n",)
        assert list(talk.client.capabilities) == ["IMAP4rev1", "IN"]
        assert "NEW" in self.introduction.told

    def test_what_was_told_before_log_in_is_void(self):
        talk = Talk(None)
        done = self._log_in(talk, "IMAP4rev1")
        talk.script(r"""
            C: P1 CAPABILITY
            C: P2 LOGIN demo opensesame-7391
            S: * CAPABILITY IMAP4rev1
            S: P1 OK
            S: P2 OK in
            C: P3 CAPABILITY
            S: * CAPABILITY IMAP4rev1 IN
            S: P3 OK
        """)
        result(done)
        assert list(talk.client.capabilities) == ["IMAP4rev1", "IN"]

    def test_a_greeting_that_tells_goes_before(self):
        talk = Talk("IMAP4rev1")
        self._log_in(talk)
        talk.script("C: P1 LOGIN demo opensesame-7391")
        assert list(self.introduction.told) == ["IMAP4rev1"]

    def test_the_first_time_the_answer_is_waited_for(self):
        talk = Talk(None)
        self._log_in(talk, None)
        talk.script(r"""
            C: P1 CAPABILITY
            S: * CAPABILITY IMAP4rev1 NEW
            S: P1 OK
            C: P2 LOGIN demo opensesame-7391
        """)
        assert "NEW" in self.introduction.told

    @pytest.mark.parametrize("before", [BEFORE, "LOGINDISABLED"])
    def test_a_server_that_wants_it_in_another_way_now(self, before):
        talk = Talk(None)
        done = self._log_in(talk, before)
        talk.wire.take()
        talk.say(b"* CAPABILITY IMAP4rev1\r\nP1 OK\r\n")
        sent = 2
        if before == self.BEFORE:
            talk.say(b"P2 NO no such mechanism\r\n")
            sent = 3
        talk.script(rf"""
            C: P{sent} LOGIN demo opensesame-7391
            S: P{sent} OK [CAPABILITY X] in
        """)
        assert result(done).text == b"[CAPABILITY X] in"

    def test_a_wrong_password_is_not_tried_again(self):
        talk = Talk(None)
        done = self._log_in(talk)
        talk.wire.take()
        talk.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR NEW\r\nP1 OK\r\nP2 NO wrong\r\n")
        failure(done, LoginRefused)
        talk.expect_nothing()

    def test_a_server_that_does_not_know_the_question(self):
        talk = Talk(None)
        done = self._log_in(talk)
        talk.wire.take()
        talk.say(b"P1 BAD what?\r\nP2 NO wrong\r\n")
        failure(done, LoginRefused)

    def test_a_connection_that_is_lost(self):
        talk = Talk(None)
        done = self._log_in(talk)
        talk.lose()
        failure(done, UpstreamUnavailable)


class TestNothingIsTold:
    @pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 AUTH=PLAIN"])
    @pytest.mark.parametrize("end", ["refused", "lost", "odd", "waiting"])
    def test_of_the_password(self, capabilities, end, logged_errors):
        talk = Talk(capabilities)
        done = _log_in(talk, b"demo", _PASSWORD)
        errors = []
        done.addErrback(errors.append)
        if "AUTH=PLAIN" in capabilities:
            talk.say(b"+ \r\n")
        if end == "refused":
            talk.say(b"P1 NO [AUTHENTICATIONFAILED] wrong\r\n")
            assert errors[0].check(LoginRefused)
        elif end == "odd":
            talk.say(b"P1 HUH\r\n")
            assert errors[0].check(UpstreamProtocolError)
        elif end == "lost":
            talk.lose()
        told = [logged_errors.text(), *map(repr, _reachable(talk.client, errors))]
        told += [str(error.value) + repr(error.value) + error.getTraceback() for error in errors]
        for secret in (_PASSWORD.decode(), _plain().decode()):
            assert not [text for text in told if secret in text]


def _reachable(*roots: object) -> list[object]:
    """Every object of ours that can be reached, but for bare octets and code."""
    found: dict[int, object] = {}
    waiting = list(roots)
    plain = (type, types.ModuleType, types.FunctionType, types.FrameType, types.TracebackType)
    while waiting:
        one = waiting.pop()
        if id(one) in found or isinstance(one, plain):
            continue
        found[id(one)] = one
        waiting += gc.get_referents(one)
    return [one for one in found.values() if type(one).__module__.startswith("imapproxy")]
