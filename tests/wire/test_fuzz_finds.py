"""What fuzzing found in the wire language, once each."""

import pytest

from imapproxy.wire import response_code as rc
from imapproxy.wire import responses as r
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_command import encode_command
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.strings import join


@pytest.mark.parametrize("octet", [b"\xe8", b"\xff", b"\xb5", b"\xdf"])
@pytest.mark.parametrize("start", [b"* 1 FETCH (", b"* 1 FETCH (UID 7 "])
def test_the_name_of_an_item_is_any_octets_and_only_letters_have_an_upper_case(start, octet):
    response = decode_response(start + b"u[%b] NIL)\r\n" % octet)
    assert isinstance(response, r.FetchData)
    assert response.items[-1].name.encode("latin-1") == b"U[%b]" % octet
    assert encode_response(response) == start + b"U[%b] NIL)\r\n" % octet


@pytest.mark.parametrize(
    "said",
    [
        b"a FETCH 7 (D (0))\r\n",
        b'a LIST () "" ("" "") RETURN (STATUS E ())\r\n',
        b'a LIST () "" ("%") RETURN (STATUS (MESSAGES) SUBSCRIBED)\r\n',
    ],
)
def test_what_was_read_can_be_said(said):
    command = decode_command(said)
    assert decode_command(join(encode_command(command))) == command


def test_a_capability_that_would_end_its_code():
    code = rc.CapabilityCode(Capabilities(['X"Y']))
    with pytest.raises(EncodeError):
        encode_response(r.StatusResponse(r.Condition.OK, b"text", code))
