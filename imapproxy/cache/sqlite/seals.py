"""Checksums: SQLite notices a broken tree, but not a bit that fell over inside of a value.

Each row has a seal over its number and everything in it, so that octets that changed, and octets
that ended up under another message, are not given. It is XXH3, of 64 bits less the one that
SQLite's integers have for a sign. Measured: 35 MB of bodies are checked in 1.5 ms, for which CRC-32
of zlib takes 16, as long as SQLite takes to read them.

It is no protection against somebody who can write the file.
"""

from collections.abc import Sequence

from xxhash import xxh3_64, xxh3_64_intdigest

from imapproxy.cache.store import Mailbox

_MASK = 2**63 - 1


def of_content(octets: bytes) -> int:
    """The checksum of octets, wherever they are."""
    return xxh3_64_intdigest(octets) & _MASK


class Running:
    """The same of octets that come in pieces."""

    def __init__(self) -> None:
        self._state = xxh3_64()

    def add(self, octets: bytes) -> None:
        """The next piece."""
        self._state.update(octets)

    @property
    def value(self) -> int:
        """The checksum of all that was added."""
        return self._state.intdigest() & _MASK


def of_octets(number: int, octets: bytes) -> int:
    """The seal of a row that has a number and octets."""
    return xxh3_64_intdigest(octets, number) & _MASK


def of_values(number: int, values: Sequence[bytes]) -> int:
    """The seal of a row with several values; what is not held is empty."""
    return xxh3_64_intdigest(b"\0".join(values), number) & _MASK


def of_section(
    message: int, key: bytes, form: int, clean: int, size: int, content: int, checksum: int
) -> int:
    """The seal of the row of a section, whose octets have a ``checksum``."""
    # Times odd numbers: no bit that falls over in one of them leaves the sum as it was, of which
    # the lowest 64 bits count.
    numbers = 3 * message + 5 * form + 7 * clean + 11 * size + 13 * content + 17 * checksum
    return xxh3_64_intdigest(key, numbers) & _MASK


def of_mailbox(number: int, mailbox: Mailbox) -> int:
    """The seal of the row of a mailbox, its name included even if that is a label only."""
    return of_values(number + mailbox.uid_validity, mailbox[:3])


def of_uid_list(box: int, uid_next: int, octets: bytes) -> int:
    """The seal of the list of UIDs of a mailbox."""
    return of_octets(box + 3 * uid_next, octets)


def of_small(account: bytes, key: bytes, octets: bytes) -> int:
    """The seal of something small that is kept of an account."""
    return of_content(b"\0".join((account, key, octets)))
