"""URLs of upstreams."""

import pytest

from imapproxy.upstream.address import AddressError, parse_address


@pytest.mark.parametrize(
    ("url", "host", "port", "shown"),
    [
        ("imaps://imap.example.com", "imap.example.com", 993, "imaps://imap.example.com"),
        ("IMAPS://IMAP.Example.com:993/", "imap.example.com", 993, "imaps://imap.example.com"),
        (" imaps://localhost:1993 ", "localhost", 1993, "imaps://localhost:1993"),
        ("imap+starttls://mail", "mail", 143, "imap+starttls://mail"),
        ("imaps://[::1]:993", "::1", 993, "imaps://[::1]"),
        ("imaps://192.0.2.1", "192.0.2.1", 993, "imaps://192.0.2.1"),
        (
            "imaps://m\u00fcnchen.example",
            "m\u00fcnchen.example",
            993,
            "imaps://m\u00fcnchen.example",
        ),
    ],
)
def test_what_is_an_upstream(url, host, port, shown):
    address = parse_address(url)
    assert (address.host, address.port, str(address)) == (host, port, shown)
    assert address.starttls is url.startswith("imap+")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("imap://imap.example.com", "plaintext to the upstream is not offered"),
        ("imap.example.com", "no scheme"),
        ("https://imap.example.com", "no scheme"),
        ("", "no scheme"),
        ("imaps://", "no host"),
        ("imaps://:993", "no host"),
        ("imaps://imap.example.com:0", "port 0"),
        ("imaps://imap.example.com:99999", "not a URL"),
        ("imaps://imap.example.com:port", "not a URL"),
        ("imaps://imap.example.com/INBOX", "something behind the host"),
        ("imaps://imap.example.com?x=1", "something behind the host"),
        ("imaps://[::1", "not a URL"),
        ("imaps://a..b", "no host name"),
        ("imaps://" + "a" * 64 + ".example", "no host name"),
        ("imaps://exa mple.com", "no host name"),
        ("imaps://-x-.example", "no host name"),
    ],
)
def test_what_is_none(url, sentence):
    with pytest.raises(AddressError) as caught:
        parse_address(url)
    assert sentence in str(caught.value)
    assert "write it as imaps://" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "imaps://me:opensesame@imap.example.com",
        "imap://me:opensesame@imap.example.com",
        "imaps://me:opensesame@imap.example.com:99999",
        "imaps://me:open@sesame@[::1",
        "//me:opensesame@x",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_shown(url):
    with pytest.raises(AddressError) as caught:
        parse_address(url)
    assert "sesame" not in str(caught.value)
    assert "no name or password" in str(caught.value)
