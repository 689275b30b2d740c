"""Every response that can be said is read back as itself."""

from hypothesis import given

from imapproxy.wire.body_structure import Multipart, Part
from imapproxy.wire.decode_body_structure import decode_body_structure
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_body_structure import encode_body_structure
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.envelope import Envelope
from tests.wire import response_strategies


@given(response_strategies.responses)
def test_what_is_written_is_read(response):
    assert decode_response(encode_response(response)) == response


@given(response_strategies.envelopes)
def test_envelopes(envelope):
    assert Envelope.decode(envelope.encode()) == envelope


@given(response_strategies.body_structures)
def test_body_structures(body):
    encoded = encode_body_structure(body, extended=True)
    assert decode_body_structure(encoded) == body


@given(response_strategies.body_structures)
def test_body_leaves_extension_data_out(body):
    read = decode_body_structure(encode_body_structure(body, extended=False))
    assert isinstance(read, Multipart) == isinstance(body, Multipart)
    assert read.disposition is None
    assert read.extension == ()
    if isinstance(body, Part):
        assert (read.type, read.size, read.lines) == (body.type, body.size, body.lines)
