"""Why a command cannot be answered."""


class Refused(Exception):
    """The tagged response is ``answer``, without the tag: status, response code and text."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer.encode("ascii", "replace")


def unavailable(text: str) -> Refused:
    """It could be answered if the upstream could be reached (RFC 5530)."""
    return Refused(f"NO [UNAVAILABLE] Offline: {text}")


def wrong(text: str) -> Refused:
    """The client should not have said that."""
    return Refused(f"BAD {text}")
