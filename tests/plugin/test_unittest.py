"""The mixin for ``unittest``."""

import imaplib
import unittest

from fakeserver.testcase import ImapServerMixin


class MailTest(ImapServerMixin, unittest.TestCase):
    def test_first(self) -> None:
        self._deliver_and_count()

    def test_second(self) -> None:
        self._deliver_and_count()

    def _deliver_and_count(self) -> None:
        self.imap_server.deliver("Subject: hello\n\nworld\n")
        with imaplib.IMAP4(self.imap_server.host, self.imap_server.port) as client:
            client.login("demo", "pw")
            self.assertEqual(client.select(), ("OK", [b"1"]))


class OptionsTest(ImapServerMixin, unittest.TestCase):
    imap_server_options = {"user": "someone", "password": "else"}

    def test_options(self) -> None:
        self.assertEqual(self.imap_server.user, "someone")
