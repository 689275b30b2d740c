"""The plan of a FETCH: each message is in one part, and nothing is served that is not held."""

from array import array

from fuzz.octets import Source
from imapproxy.cache.plan import Kind, Targets, plan
from imapproxy.cache.request import read_fetch_request

SEEDS = (
    b"\x0a\xff\xff\x00\x00\x00\x00 FETCH 1:* (UID BODY.PEEK[])\r\n",
    b"\x3c\x55\x55\x0f\xf0\x07\x03 UID FETCH 1:5 (FLAGS ENVELOPE)\r\n",
    b"\x20\x00\xff\x00\xff\x02\x01 FETCH 1,3,5 ALL\r\n",
    b"\x05\x01\x00\x00\x00\x05\x02 FETCH 1 (BODY[] RFC822.SIZE)\r\n",
)
WORDS = (
    *(b" FETCH ", b" UID FETCH ", b"1:*", b"1,2", b"$", b"ALL", b"FULL", b"FAST", b"(", b")\r\n"),
    *(b"UID ", b"FLAGS ", b"ENVELOPE ", b"BODY[] ", b"BODY.PEEK[TEXT]<0.5> ", b"BODYSTRUCTURE "),
    *(b"MODSEQ ", b"BINARY[1] ", b"RFC822.HEADER ", b"(CHANGEDSINCE 1)", b"\xff\xff\xff"),
)


def check(octets: bytes) -> None:
    """See above."""
    source = Source(octets)
    count, held_bits, gaps, switches = (source.number(most) for most in (60, 2**16, 2**16, 7))
    request = read_fetch_request(source.rest())
    if request is None:
        return
    targets = _targets(count, gaps)
    held = array("I", [uid for i, uid in enumerate(targets.uids) if held_bits >> i % 17 & 1])
    made = plan(
        request.asked,
        targets,
        held,
        shape_known=bool(switches & 1),
        ask=bool(switches & 2),
        at_once=bool(switches & 4),
    )
    if made is None:
        return
    assert [n for part in made for n in part.targets.numbers] == list(targets.numbers)
    assert [uid for part in made for uid in part.targets.uids] == list(targets.uids)
    for part in made:
        assert not part.kind.is_held or set(part.targets.uids) <= set(held)
        assert part.targets.numbers
        if switches & 2 or request.asked.mutable:
            assert part.kind is not Kind.SERVE
    if switches & 4:
        assert sum(part.kind is not Kind.SERVE for part in made) <= 1


def _targets(count: int, gaps: int) -> Targets:
    numbers, uids = array("I"), array("I")
    number = uid = 0
    for i in range(count):
        number += 1 + (gaps >> i % 13 & 1)
        uid += 1 + (gaps >> i % 16 & 3)
        numbers.append(number)
        uids.append(uid)
    return Targets(numbers, uids)
