"""What passes on its way to the client is kept, and never waits for it."""

from array import array
from collections.abc import Iterable, Mapping
from functools import partial

from imapproxy.cache.derive import find_header
from imapproxy.cache.request import Asked
from imapproxy.cache.store import Form, Keeping, Mailbox, SectionWriter, Writer
from imapproxy.relay.selected import Selected
from imapproxy.relay.shapes import Shapes
from imapproxy.relay.told import Told
from imapproxy.relay.told_later import Places, keep_run, whole_responses
from imapproxy.wire.framing import Octets

# Gathered before it is kept; what is larger is written as it comes.
_SMALL = 64 * 1024
# Of messages whose UIDs are not known yet so much may wait for them.
_MAX_UNNAMED = 4 * 1024 * 1024
# What a message is in memory beside its octets, while it waits to be read.
_OVERHEAD = 500


class _Streamed:
    """A section that is written while it comes. ``start`` are its first octets."""

    def __init__(self, writer: SectionWriter, key: str) -> None:
        self.writer = writer
        self.key = key
        self.start = b""
        self.is_whole = False

    def write(self, octets: Octets) -> None:
        if len(self.start) < _SMALL:
            self.start += octets.data[:_SMALL]
        self.writer.write(octets.data)
        self.is_whole = not octets.left

    def close(self) -> None:
        header = find_header(self.start, whole=False) if not self.key else None
        if header is None:
            self.writer.close()
        else:
            self.writer.close(header.octets, header.clean)


class Tee:
    """A sink of FETCH responses (``wire.fetch_scanner``) that keeps what they tell."""

    def __init__(self, selected: Selected, writer: Writer, shapes: Shapes) -> None:
        self._selected = selected
        self._writer = writer
        self._shapes = shapes
        #: Whether nothing that passes can be of use to the cache.
        self.idle = True
        self._asked: Asked | None = None  # of whose answers the shape is not known
        self._partials: Mapping[bytes, str] = {}
        self._told = Told(self._partials)
        self._unnamed: dict[int, Told] = {}
        self._unnamed_octets = 0
        self._streams: list[_Streamed] = []
        self._streaming: _Streamed | None = None

    def _begin(self, number: int, uid: int) -> None:
        self._told = told = Told(self._partials)
        told.begin(number, uid)
        self._streams = []
        self._streaming = None

    def expect(self, asked: Iterable[Asked], *, certain: bool) -> None:
        """These are asked of the upstream in the client's own words, and (``certain``) no others.

        To which of several requests a response is the answer nobody says; what could be the answer
        to two that mean different things by it tells nothing.
        """
        requests = {one.key: one for one in asked}
        self.idle = not any(one.is_cacheable for one in requests.values())
        one = next(iter(requests.values())) if certain and len(requests) == 1 else None
        self._asked = one if one is not None and self._shapes.shape(one) is None else None
        partials = [partial for one in requests.values() for partial in one.partials]
        if not certain or len(dict(partials)) != len(set(partials)):
            partials = []
        self._partials = self._told.partials = dict(partials)

    def abandon(self) -> None:
        """The rest of a response will not come."""
        for stream in self._streams:
            stream.writer.abort()
        self._begin(0, 0)

    # -- many at once ----------------------------------------------------------------------

    def take_whole(self, run: bytes, at: int) -> int:
        """Take responses that are whole in ``run``, from ``at`` on, as many as can be (hot).

        Returns where they end: ``at`` where the next one has to be scanned. In the reactor's thread
        only the UIDs are learned from them; what else they tell is read when mail has stopped
        streaming, for here the client waits for it.
        """
        if self._asked is not None:
            return at  # the next one shows the shape
        places = whole_responses(run, at)
        end = places.end
        if not places.uids:
            return at
        if not self._learned(places):
            return at if self._selected.view is not None else end
        mailbox = self._selected.mailbox
        if mailbox is not None and not self.idle:
            octets = end - at + _OVERHEAD * len(places.uids)
            keep = partial(keep_run, run, places, mailbox, self._partials)
            self._writer.keep_later(keep, octets)
        return end

    def _learned(self, places: Places) -> bool:
        """Whether the view agrees with what was told, now or before."""
        selected, (_, _, numbers, uids) = self._selected, places
        first, last = numbers[0], numbers[-1]
        view = selected.view
        if view is None:
            return False
        if last - first + 1 != len(numbers) or numbers != array("I", range(first, last + 1)):
            for number, uid in zip(numbers, uids, strict=True):
                selected.learn(number, uid)
            return all(map(int.__eq__, map(selected.uid, numbers), uids))
        are_there = first > 0 and last <= view.exists
        if not are_there or view.uids(first, last) != uids:
            selected.learn_run(first, uids)  # where nobody has such messages the view goes blind
        return selected.view is not None and selected.view.uids(first, last) == uids

    # -- FetchSink -------------------------------------------------------------------------

    def fetch_begins(self, number: int) -> None:
        """See :class:`imapproxy.wire.fetch_scanner.FetchSink`."""
        self._begin(number, self._selected.uid(number))

    def item(self, name: bytes, value: bytes) -> None:
        """See :meth:`fetch_begins`."""
        self._told.item(name, value)

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        """See :meth:`fetch_begins`."""
        self._told.literal(name, octets, binary)

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        """See :meth:`fetch_begins`."""
        told = self._told
        self._streaming = None
        if size <= _SMALL:
            told.literal_begins(name, size, binary)
            return
        told.literal_passes(name)
        key = told.key(name.upper())
        mailbox = self._selected.mailbox
        if key is not None and mailbox is not None and told.uid:
            form = Form.LITERAL8 if binary else Form.LITERAL
            writer = self._writer.begin_section(mailbox, told.uid, key, form, size)
            self._streaming = _Streamed(writer, key)
            self._streams.append(self._streaming)

    def literal_octets(self, octets: Octets) -> None:
        """See :meth:`fetch_begins`."""
        if self._streaming is not None:
            self._streaming.write(octets)
        else:
            self._told.literal_octets(octets)

    def fetch_ends(self) -> None:
        """See :meth:`fetch_begins`."""
        selected, told = self._selected, self._told
        if told.uid:
            selected.learn(told.number, told.uid)
        mailbox = selected.mailbox
        if mailbox is None or (told.uid and selected.uid(told.number) != told.uid):
            self.abandon()
            return
        self._learn_shapes()
        if not told.uid:
            self._keep_until_known()
        elif self._streams:
            self._keep_streamed(mailbox)
        else:
            self._keep(mailbox, told.uid, told)

    def fetch_unreadable(self) -> None:
        """See :meth:`fetch_begins`."""
        self.abandon()

    # -- keeping ---------------------------------------------------------------------------

    def _keep(self, mailbox: Mailbox, uid: int, told: Told) -> None:
        def keep(keeping: Keeping) -> None:
            told.keep(keeping, mailbox, uid)

        self._writer.keep_later(keep, told.octets + _OVERHEAD)

    def _keep_streamed(self, mailbox: Mailbox) -> None:
        if self._told.keep(self._writer, mailbox, self._told.uid):
            if self._told.attributes.keys() == {"FLAGS"}:
                # Those of a message that is held are worth it: a program that reads it when the
                # upstream is away asks for them along with it.
                self._writer.keep_attributes(mailbox, self._told.uid, self._told.attributes)
            for stream in self._streams:
                stream.close()
        else:
            self.abandon()

    def _learn_shapes(self) -> None:
        if self._asked is not None and self._shapes.learn(self._asked, self._told.names):
            self._asked = None

    # -- whose UID is not known ------------------------------------------------------------

    def _keep_until_known(self) -> None:
        """A client that names messages by number need not ask for their UIDs."""
        told = self._told
        octets = told.octets
        if octets and self._unnamed_octets + octets <= _MAX_UNNAMED:
            self._unnamed[told.number] = told
            self._unnamed_octets += octets
        self.abandon()

    @property
    def unnamed(self) -> tuple[int, int] | None:
        """The first and last number of the messages that wait for their UIDs."""
        return (min(self._unnamed), max(self._unnamed)) if self._unnamed else None

    def keep_named(self) -> None:
        """Keep those whose UIDs were learned meanwhile."""
        mailbox = self._selected.mailbox
        waiting, self._unnamed = self._unnamed, {}
        self._unnamed_octets = 0
        for number, told in waiting.items():
            uid = self._selected.uid(number)
            if uid and mailbox is not None:
                self._keep(mailbox, uid, told)

    def forget_unnamed(self) -> None:
        """The numbers mean other messages from now on."""
        self._unnamed = {}
        self._unnamed_octets = 0
