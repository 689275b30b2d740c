"""What a client knows of its mailbox from what it was told, and nothing else."""

from tests.conformance.nodes import Atom, Node
from tests.conformance.responses import Data, Part, Response


class Mirror:
    """A client's own picture: ``flags`` of each message, ``None`` where it was not told.

    Two servers may say the same in different words: tell a thing twice, or not at all where it is
    known. What has to be the same is the picture.
    """

    def __init__(self) -> None:
        self.recent = 0
        self.flags: list[frozenset[bytes] | None] = []
        self.uids: list[int | None] = []

    def forget(self) -> None:
        """A mailbox is selected, or none: nothing is known."""
        self.recent = 0
        self.flags = []
        self.uids = []

    def forget_flags(self) -> None:
        """They are changed, and the server was asked not to tell."""
        self.flags = [None] * len(self.flags)

    def apply(self, responses: list[Response]) -> list[Response]:
        """Take in the answer to a command; what is no news of the mailbox is returned.

        EXPUNGE comes first, then EXISTS, then flags: numbers are those from behind the EXPUNGE,
        as both servers have it at the end of an answer.
        """
        left: list[Response] = []
        for response in responses:
            if not isinstance(response, Data) or not self._take(response):
                left.append(response)
        return left

    def _take(self, data: Data) -> bool:
        number = int(data.number.text) if isinstance(data.number, Atom) else 0
        if data.name == b"EXPUNGE":
            del self.flags[number - 1], self.uids[number - 1]
        elif data.name == b"EXISTS":
            new = number - len(self.flags)
            assert new >= 0, f"{len(self.flags)} messages, then EXISTS {number}"
            self.flags += [None] * new
            self.uids += [None] * new
        elif data.name == b"RECENT":
            self.recent = number
        elif data.name == b"FETCH":
            for part in data.parts:
                self._fetched(number, part)
            return {part.name for part in data.parts} <= {b"FLAGS", b"UID"}
        else:
            return data.name == b"FLAGS"
        return True

    def _fetched(self, number: int, part: Part) -> None:
        if part.name == b"FLAGS":
            self.flags[number - 1] = frozenset(map(_flag, part.nodes))
        elif part.name == b"UID":
            node = part.nodes[0]
            assert isinstance(node, Atom)
            known = self.uids[number - 1]
            assert known in (None, int(node.text)), f"UID of {number} was {known}, is {node.text!r}"
            self.uids[number - 1] = int(node.text)

    def differs_from(self, other: "Mirror") -> str:
        """In what the two pictures differ, empty where they do not."""
        if (len(self.flags), self.recent) != (len(other.flags), other.recent):
            return (
                f"{len(self.flags)} messages and {self.recent} recent,"
                f" {len(other.flags)} and {other.recent}"
            )
        for number, (mine, theirs) in enumerate(zip(self.flags, other.flags, strict=True), 1):
            if mine is not None and theirs is not None and mine != theirs:
                return f"flags of {number}: {sorted(mine)}, {sorted(theirs)}"
        for number, uids in enumerate(zip(self.uids, other.uids, strict=True), 1):
            if None not in uids and uids[0] != uids[1]:
                return f"UIDs of {number}: {uids}"
        return ""


def _flag(node: Node) -> bytes:
    assert isinstance(node, Atom)
    return node.text.lower()
