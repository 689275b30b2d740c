"""CA files and pins as people write them."""

import pytest

from imapproxy.upstream.tls import TrustError, UpstreamTls, format_pin, load_ca_file, parse_pin
from tests.upstream import certificates


class TestCaFile:
    def test_several_certificates_and_words_around_them(self, tmp_path):
        file = tmp_path / "ca.pem"
        pems = [certificates.AUTHORITY.cert_pem, certificates.OTHER_AUTHORITY.cert_pem]
        file.write_bytes(b"# mine\r\n" + b"\n\n".join(pem.bytes() for pem in pems))
        assert len(load_ca_file(file)) == 2

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (None, "cannot read the CA file"),
            (b"", "holds no PEM certificate"),
            (b"\xff\x00 binary", "holds no PEM certificate"),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "holds a certificate that cannot be read",
            ),
        ],
    )
    def test_what_is_none(self, tmp_path, content, sentence):
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(TrustError) as caught:
            load_ca_file(file)
        assert sentence in str(caught.value)
        assert str(file) in str(caught.value)

    def test_a_directory(self, tmp_path):
        with pytest.raises(TrustError, match="cannot read"):
            load_ca_file(tmp_path)


class TestPin:
    def test_round_trip(self):
        digest = bytes(range(32))
        assert parse_pin(format_pin(digest)) == digest

    @pytest.mark.parametrize(
        "text",
        ["", "sha256/", "sha256/AAAA", "sha1/" + "A" * 43 + "=", "A" * 43 + "=", "sha256/\n"],
    )
    def test_what_is_none(self, text):
        with pytest.raises(TrustError, match="write sha256/"):
            parse_pin(text)


@pytest.mark.parametrize("host", ["m\u00fcnchen.example", "::1", "192.0.2.1", "localhost"])
def test_every_kind_of_host_has_an_identity(host):
    assert UpstreamTls(host, [certificates.authority()]).host == host
