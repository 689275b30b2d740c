"""Hypothesis strategies for words, strings, numbers and dates."""

import datetime

from hypothesis import strategies as st

from imapproxy.wire.flags import SYSTEM_FLAGS, Flag
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.secret import Secret
from imapproxy.wire.sequence_set import SAVED_RESULT, STAR, SequenceSet

_ATOM_CHARS = bytes(
    octet for octet in range(0x21, 0x7F) if octet not in b'(){%*"\\]'
)  # fmt: skip


def of_octets(alphabet: bytes, min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(alphabet), min_size=min_size, max_size=max_size).map(bytes)


atoms = of_octets(_ATOM_CHARS, min_size=1)
words = of_octets(b"abcdefXYZ019-", min_size=1)
# Names that the grammar gives: upper case, and no number, which would be an argument.
names = of_octets(b"ABCXYZ-", min_size=1).map(lambda word: "X" + word.decode("ascii"))
tags = of_octets(b"abcXYZ0189.]-", min_size=1, max_size=6)
# What a string can hold, with everything that needs care.
texts = st.one_of(
    atoms,
    of_octets(b' "\\(){}%*]\t\x7fa0\xc3\xa9\xff', max_size=20),
    of_octets(b"\r\n{}5a", max_size=20),
    st.sampled_from([b"", b"NIL", b"nil", b"{5}\r\n", b"a" * 1500]),
)
messages = st.binary(max_size=60).map(lambda octets: octets.replace(b"\0", b"0"))
base_mailboxes = texts.map(WireMailbox)
mailboxes = base_mailboxes | st.sampled_from([WireMailbox(b"inbox"), WireMailbox(b"INBOX")])
secrets = texts.map(Secret)
numbers = st.integers(1, 2**32 - 1)
numbers64 = st.integers(1, 2**63 - 1)

_seq_numbers = st.one_of(st.integers(1, 20), numbers, st.just(STAR))
sequence_sets = st.lists(st.tuples(_seq_numbers, _seq_numbers), min_size=1, max_size=5).map(
    lambda ranges: SequenceSet(tuple(ranges))
)
uid_sets = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4).map(
    lambda ranges: SequenceSet(tuple(ranges))
)
sets_or_saved = st.one_of(sequence_sets, st.just(SAVED_RESULT))

keywords = words.map(Flag)
flags = st.one_of(st.sampled_from(SYSTEM_FLAGS), keywords, words.map(lambda w: Flag(b"\\x" + w)))
flag_tuples = st.lists(flags, max_size=4).map(tuple)

dates = st.dates(min_value=datetime.date(1, 1, 1))
zones = st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
moments = st.datetimes(timezones=zones).map(lambda moment: moment.replace(microsecond=0))
