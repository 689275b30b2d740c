"""What the store refuses."""


class StoreError(Exception):
    """Something cannot be done; the command is answered NO.

    ``code`` is a response code such as ``b"NONEXISTENT"`` (RFC 5530), empty for none.
    """

    def __init__(self, text: str, code: bytes = b"") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class NoSuchMailbox(StoreError):
    """There is no such mailbox."""


class MailboxExists(StoreError):
    """There is such a mailbox already."""
