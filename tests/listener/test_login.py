"""Before log-in: greeting, every spelling of the credentials, and who is turned away."""

import pytest
from twisted.internet.defer import Deferred

from imapproxy.listener.limits import Limits
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import (
    LoginRefused,
    NoWayToLogIn,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from imapproxy.wire.capability import Capabilities
from tests.listener.arriving import arrive, b64, refuse


class TestGreeting:
    def test_capability_is_the_greetings(self):
        arrive().script(r"""
            C: a1 capability
            R: * CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN
            R: a1 OK Capabilities are listed.
        """)

    def test_what_the_upstream_offers_is_in_it_but_for_its_own_hop(self):
        talk = arrive()
        hops = ["STARTTLS", "AUTH=XOAUTH2", "LOGINDISABLED", "LITERAL-"]
        talk.introduced = Capabilities(["IMAP4rev1", *hops, "IDLE", "ENABLE", "SASL-IR"])
        talk.client.dataReceived(b"a1 CAPABILITY\r\n")
        names = talk.client_wire.take().split(b"\r\n")[0].split()[2:]
        assert names == b"IMAP4rev1 LITERAL+ SASL-IR ID IDLE ENABLE AUTH=PLAIN AUTH=LOGIN".split()


class TestLogin:
    @pytest.mark.parametrize(
        ("said", "user", "password"),
        [
            (b"LOGIN demo pw", b"demo", b"pw"),
            (b"login demo pw", b"demo", b"pw"),
            (b"LoGiN  demo   pw  ", b"demo", b"pw"),
            (b'LOGIN "demo" "p\\"w\\\\ d"', b"demo", b'p"w\\ d'),
            (b'LOGIN "" ""', b"", b""),
            (b"LOGIN demo {2+}\r\npw", b"demo", b"pw"),
            (b"LOGIN {4+}\r\ndemo {2+}\r\npw", b"demo", b"pw"),
            (b"LOGIN {4+}\r\ndemo pw", b"demo", b"pw"),
            (b"LOGIN demo {8+}\r\n\xc3\xa4 \r\n{3}", b"demo", b"\xc3\xa4 \r\n{3}"),
            (b"LOGIN demo {0+}\r\n", b"demo", b""),
            (b"LOGIN us]er p]w", b"us]er", b"p]w"),
            (b'LOGIN "d\xc3\xa4mo" "p\xc3\xa4"', b"d\xc3\xa4mo", b"p\xc3\xa4"),
        ],
    )
    @pytest.mark.parametrize("end", [b"\r\n", b"\n"])
    @pytest.mark.parametrize("chunk", [1, 5, 1000])
    def test_spellings(self, said, user, password, end, chunk):
        talk = arrive()
        line = b"Tag.1 " + said + end
        for at in range(0, len(line), chunk):
            talk.client.dataReceived(line[at : at + chunk])
        assert talk.client_wire.take() == b"Tag.1 OK Logged in.\r\n"
        (credentials,) = talk.credentials
        assert (credentials.user, credentials.password.reveal()) == (user, password)
        assert credentials.authorization == b""

    def test_synchronizing_literals(self):
        talk = arrive()
        talk.script(r"""
            C: a1 LOGIN {4}
            R: + OK
            C: demo {3}
            R: + OK
            C: a b
            R: a1 OK Logged in.
        """)
        assert talk.credentials[0].password.reveal() == b"a b"

    def test_a_wrong_password_gives_the_upstreams_own_text(self):
        talk = arrive()
        refuse(talk, b"[AUTHENTICATIONFAILED] Use an app password: https://x")
        talk.script(r"""
            C: a1 LOGIN demo wrong
            R: a1 NO [AUTHENTICATIONFAILED] Use an app password: https://x
        """)
        talk.refusal = None
        talk.script("C: a2 LOGIN demo right\nR: a2 OK Logged in.")

    @pytest.mark.parametrize(
        ("error", "answer"),
        [
            (UpstreamUnavailable("x is away"), b"NO [UNAVAILABLE] x is away"),
            (UpstreamUnavailable("x", "look"), b"NO [UNAVAILABLE] x (look)"),
            (UpstreamProtocolError("x \u00e4"), b"NO [UNAVAILABLE] x ?"),
            (NoWayToLogIn("none"), b"NO [CANNOT] none"),
            (LoginRefused(b"BAD", b"what?"), b"BAD what?"),
            (LoginRefused(b"NO", b"[CAPABILITY AUTH=X Y] no"), b"NO [CAPABILITY Y] no"),
        ],
    )
    def test_why_there_is_no_partner(self, error, answer):
        talk = arrive()
        talk.refusal = NotLetIn(error)
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\n")
        assert talk.client_wire.take() == b"a1 " + answer + b"\r\n"

    def test_the_log_tells_the_code_but_not_what_the_server_quotes(self, logged_errors):
        talk = arrive()
        refuse(talk, b"[AUTHENTICATIONFAILED] no such user: demo opensesame")
        talk.client.dataReceived(b"a1 LOGIN demo opensesame\r\n")
        assert "AUTHENTICATIONFAILED" in logged_errors.text()
        assert "opensesame" not in logged_errors.text()

    def test_pipelined_commands_wait_for_the_partner(self):
        talk = arrive()
        talk.waiting_login = Deferred()
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\na2 SELECT INBOX\r\na3 NOOP\r\n")
        talk.nothing_left()
        talk.waiting_login.callback(None)
        assert talk.client_wire.take() == b"a1 OK Logged in.\r\n"
        assert talk.upstream_wire.take().endswith(b" SELECT INBOX\r\na3 NOOP\r\n")

    def test_what_is_pipelined_behind_a_refused_login(self):
        talk = arrive()
        refuse(talk)
        talk.script(r"""
            C. a1 LOGIN demo wrong\r\na2 SELECT INBOX\r\na3 NOOP\r\n
            R: a1 NO [AUTHENTICATIONFAILED] Wrong.
            R: a2 BAD Log in first, with LOGIN or AUTHENTICATE PLAIN
            R: a3 OK Nothing done.
        """)

    def test_a_fault_of_ours_is_told_and_logged(self, logged_errors):
        talk = arrive()
        talk.refusal = ZeroDivisionError()
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\n")
        assert talk.client_wire.take().startswith(b"a1 NO [SERVERBUG] imapproxy failed")
        assert talk.client_wire.closed
        (error,) = logged_errors.flush()
        assert "ZeroDivisionError" in error

    @pytest.mark.parametrize(
        "said",
        [
            b"a1 LOGIN",
            b"a1 LOGIN demo",
            b"a1 LOGIN demo opensesame more",
            b'a1 LOGIN demo "opensesame',
            b"a1 LOGIN demo opens(sesame",
            b"a1 LOGIN {10+}\r\nopensesame",
            b'a1 LOGIN demo "opensesame\\',
            b"a1 AUTHENTICATE PLAIN opensesame!",
            b"a1 AUTHENTICATE",
        ],
    )
    def test_malformed_ones_are_bad_and_repeat_nothing(self, said, logged_errors):
        talk = arrive()
        talk.client.dataReceived(said + b"\r\n")
        answer = talk.client_wire.take()
        assert answer.startswith(b"a1 BAD ")
        assert answer.count(b"\r\n") == 1
        assert b"opensesame" not in answer
        assert "opensesame" not in logged_errors.text()
        talk.script("C: a2 NOOP\nR: a2 OK Nothing done.")


class TestAuthenticate:
    def test_plain(self):
        talk = arrive()
        talk.script(rf"""
            C: a1 AUTHENTICATE PLAIN
            R: +\x20
            C: {b64(b"boss" + bytes(1) + b"demo" + bytes(1) + b"pw")}
            R: a1 OK Logged in.
        """)
        (credentials,) = talk.credentials
        assert (credentials.authorization, credentials.user) == (b"boss", b"demo")
        assert credentials.password.reveal() == b"pw"

    def test_plain_with_initial_response(self):
        talk = arrive()
        response = b64(b"demo\0demo\0pw")
        talk.script(f"C: a1 authenticate plain {response}\nR: a1 OK Logged in.")
        assert talk.credentials[0].authorization == b""  # its own name is no other identity

    def test_login(self):
        talk = arrive()
        talk.script(f"""
            C: a1 AUTHENTICATE LOGIN
            R: + {b64(b"Username:")}
            C: {b64(b"demo")}
            R: + {b64(b"Password:")}
            C: {b64(b"p w")}
            R: a1 OK Logged in.
        """)
        assert talk.credentials[0].password.reveal() == b"p w"

    def test_login_with_initial_response(self):
        talk = arrive()
        talk.script(f"""
            C: a1 AUTHENTICATE LOGIN {b64(b"demo")}
            R: + {b64(b"Password:")}
            C: =
            R: a1 BAD the response is not base64
            C: a2 AUTHENTICATE LOGIN {b64(b"demo")}
            R: + {b64(b"Password:")}
            C:
            R: a2 OK Logged in.
        """)
        assert talk.credentials[0].password.reveal() == b""

    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
    @pytest.mark.parametrize(
        ("response", "reason"),
        [
            ("*", "Authentication was cancelled"),
            ("!!", "the response is not base64"),
            ("a1 NOOP", "the response is not base64"),
            ("YQ=", "the response is not base64"),
            (b64(b"a\0b\0c\0d"), ""),
            (b64(b"\0\0\0\0"), ""),
        ],
    )
    def test_what_is_no_response(self, mechanism, response, reason):
        talk = arrive()
        talk.client.dataReceived(b"a1 AUTHENTICATE %b\r\n" % mechanism.encode())
        talk.client_wire.take()
        talk.client.dataReceived(response.encode() + b"\r\n")
        assert talk.client_wire.take().startswith(b"a1 BAD " + reason.encode())
        talk.script("C: a2 NOOP\nR: a2 OK Nothing done.")
        assert not talk.credentials

    def test_an_empty_initial_response(self):
        arrive().script(r"""
            C: a1 AUTHENTICATE PLAIN =
            R: a1 BAD a PLAIN response is [authzid] NUL name NUL password
        """)

    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "GSSAPI", "SCRAM-SHA-256"])
    def test_mechanisms_that_are_not_offered(self, mechanism):
        arrive().script(f"""
            C: a1 AUTHENTICATE {mechanism}
            R: a1 NO [CANNOT] this mechanism is not offered; use PLAIN or LOGIN
            C: a2 NOOP
            R: a2 OK Nothing done.
        """)

    def test_a_response_is_no_command_whatever_it_looks_like(self):
        talk = arrive()
        talk.client.dataReceived(b"a1 AUTHENTICATE PLAIN\r\na2 LOGIN x {3+}\r\n")
        assert talk.client_wire.take().endswith(b"a1 BAD the response is not base64\r\n")
        assert not talk.credentials

    def test_pipelined_with_everything_behind_it(self):
        talk = arrive()
        response = b64(b"\0demo\0pw").encode()
        talk.client.dataReceived(b"a1 AUTHENTICATE PLAIN\r\n" + response + b"\r\na2 NOOP\r\n")
        assert talk.client_wire.take() == b"+ \r\na1 OK Logged in.\r\n"
        assert talk.upstream_wire.take().endswith(b" NOOP\r\n")

    def test_a_line_that_is_too_long_ends_the_dialogue_by_its_tag(self):
        talk = arrive(Limits(max_login_octets=100))
        talk.script(rf"""
            C: a1 AUTHENTICATE PLAIN
            R: +\x20
            C: {"QUJD" * 50}
            R: a1 BAD line longer than 100 octets
            C: a2 NOOP
            R: a2 OK Nothing done.
        """)


class TestOtherCommands:
    @pytest.mark.parametrize(
        "command",
        [
            "SELECT INBOX",
            "IDLE",
            "LIST {3+}\\r\\nabc *",
            "XFOO {2+}\\r\\n}{ {1+}\\r\\n\\n",
            "ENABLE X",
        ],
    )
    def test_log_in_first(self, command):
        arrive().script(f"""
            C: a1 {command}
            R: a1 BAD Log in first, with LOGIN or AUTHENTICATE PLAIN
            C: a2 NOOP
            R: a2 OK Nothing done.
        """)

    def test_id_tells_nothing_of_the_upstream(self):
        arrive().script(r"""
            C: a1 ID ("name" "x")
            R: * ID ("name" "imapproxy" "version" "0")
            R: a1 OK That is who I am.
            C: a2 ID NIL
            R: * ID ("name" "imapproxy" "version" "0")
            R: a2 OK That is who I am.
        """)

    def test_logout(self):
        talk = arrive()
        talk.script("C: a1 LOGOUT\nR: * BYE Logging out\nR: a1 OK Logged out.")
        assert talk.client_wire.closed
        talk.client_closes()
        assert not talk.clock.getDelayedCalls()

    @pytest.mark.parametrize(
        ("said", "answer"),
        [
            (b"\r\n", b"* BAD "),
            (b"a1\r\n", b"a1 BAD "),
            (b" NOOP\r\n", b"* BAD "),
            (b"* OK hello\r\n", b"* BAD "),
            (b"+ hello\r\n", b"* BAD "),
            (b"GET / HTTP/1.0\r\n", b"GET BAD "),
            (b"\x16\x03\x01\x02\x00\x01\r\n", b"* BAD "),
            (b"a1 NOOP extra\r\n", b"a1 BAD "),
        ],
    )
    def test_garbage(self, said, answer):
        talk = arrive()
        talk.client.dataReceived(said)
        assert talk.client_wire.take().startswith(answer)
        talk.script("C: a2 NOOP\nR: a2 OK Nothing done.")

    def test_starttls_without_a_certificate(self):
        arrive().script("C: a1 STARTTLS\nR: a1 BAD TLS is not offered here")
