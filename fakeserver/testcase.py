"""The fake server in ``unittest``: a class to mix into a test case."""

from typing import Any, ClassVar

from fakeserver.threaded import ThreadedServer


class ImapServerMixin:
    """Gives each test of a case ``self.imap_server``, as new.

    class MailTest(ImapServerMixin, unittest.TestCase): …

    ``imap_server_options`` are those of :class:`ThreadedServer`.
    """

    imap_server: ClassVar[ThreadedServer]
    imap_server_options: ClassVar[dict[str, Any]] = {}

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server, which lives as long as the class."""
        super().setUpClass()  # type: ignore[misc]
        cls.imap_server = ThreadedServer(**cls.imap_server_options)
        cls.imap_server.start()
        cls.addClassCleanup(cls.imap_server.stop)  # type: ignore[attr-defined]

    def setUp(self) -> None:
        """Set the server back behind the test, whatever comes of it."""
        super().setUp()  # type: ignore[misc]
        self.addCleanup(self.imap_server.reset)  # type: ignore[attr-defined]
