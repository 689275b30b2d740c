"""Threads by the algorithms of RFC 5256 section 4, and REFS (draft-gulbrandsen-imap-inthread).

Nothing here recurses: a thread may be as deep as the mailbox has messages.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

# References of one message that are looked at; whoever writes more means no good.
_MAX_REFERENCES = 1000


@dataclass(frozen=True)
class Threadable:
    """What of a message counts. ``number`` is what it is told as, ``order`` its place in the
    mailbox; ``subject`` is that of comparison.
    """

    number: int
    order: int
    sent: datetime.datetime
    subject: bytes = b""
    is_reply: bool = False
    message_id: bytes | None = None
    references: tuple[bytes, ...] = ()


@dataclass(eq=False)
class Node:
    """A message in a thread; without ``message`` a dummy, for one that is not there."""

    message: Threadable | None = None
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def first(self) -> Threadable:
        """The message itself; of a dummy, its first child's."""
        node = self
        while node.message is None:
            node = node.children[0]
        return node.message


Roots = list[Node]
_Order = Callable[[Node], tuple[datetime.datetime, int]]


def by_ordered_subject(messages: Iterable[Threadable]) -> Roots:
    """ORDEREDSUBJECT: those of one subject, the later ones all children of the first."""
    roots: dict[bytes, Node] = {}
    for message in sorted(messages, key=lambda one: (one.sent, one.order)):
        root = roots.setdefault(message.subject, Node(message))
        if root.message is not message:
            root.children.append(Node(message, root))
    return sorted(roots.values(), key=_by_sent_date)


def by_references(messages: Iterable[Threadable]) -> Roots:
    """REFERENCES: by what messages refer to and, among roots, by subject."""
    roots = _without_dummies(_linked(messages))
    _sort(roots, _by_sent_date)
    roots = _merge_subjects(roots)
    _sort(roots, _by_sent_date)
    return roots


def by_references_alone(messages: Iterable[Threadable]) -> Roots:
    """REFS: by what messages refer to; the threads in the order of their latest messages.

    The expired draft is not clear about which date that is; with Dovecot it is the sent date.
    """
    roots = _without_dummies(_linked(messages))
    _sort(roots, _by_sent_date)
    latest = {id(root): _latest(root) for root in roots}
    return sorted(roots, key=lambda root: latest[id(root)])


def encode_threads(roots: Roots) -> bytes:
    """``(1 2)(3 (4)(5))``."""
    pieces: list[bytes] = []
    todo: list[Node | bytes] = list(reversed(roots))
    while todo:
        node = todo.pop()
        if isinstance(node, bytes):
            pieces.append(node)
            continue
        chain = [node]
        while len(node.children) == 1:
            node = node.children[0]
            chain.append(node)
        numbers = b" ".join(b"%d" % one.message.number for one in chain if one.message)
        pieces.append(b"(" + numbers + (b" " if numbers and node.children else b""))
        todo += [b")", *reversed(node.children)]
    return b"".join(pieces)


# --- steps 1 to 3: who follows whom ---------------------------------------------------------------


def _linked(messages: Iterable[Threadable]) -> Roots:
    """Steps 1 and 2: every message below the last that it refers to."""
    nodes: dict[bytes, Node] = {}
    everything: list[Node] = []
    for message in messages:
        node = _node_of(message, nodes, everything)
        above = None
        for reference in message.references[-_MAX_REFERENCES:]:
            referred = nodes.get(reference)
            if referred is None:
                referred = nodes[reference] = Node()
                everything.append(referred)
            if above is not None and referred.parent is None:
                _link(above, referred)
            above = referred
        # What the message itself says of its parent counts more than what others said of it.
        if node.parent is not None:
            node.parent.children.remove(node)
            node.parent = None
        if above is not None:
            _link(above, node)
    return [node for node in everything if node.parent is None]


def _node_of(message: Threadable, nodes: dict[bytes, Node], everything: list[Node]) -> Node:
    """The node of a message: the dummy that waited for it, or a new one."""
    waiting = None if message.message_id is None else nodes.get(message.message_id)
    if waiting is not None and waiting.message is None:
        waiting.message = message
        return waiting
    node = Node(message)
    everything.append(node)
    if message.message_id is not None and waiting is None:
        nodes[message.message_id] = node
    # Of several with one id the first has it (RFC 5256 section 4, step 1).
    return node


def _link(parent: Node, child: Node) -> None:
    """Put ``child`` below ``parent``, unless that would make a loop."""
    if child.children or child is parent:
        above: Node | None = parent
        while above is not None:
            if above is child:
                return
            above = above.parent
    child.parent = parent
    parent.children.append(child)


def _without_dummies(roots: Roots) -> Roots:
    """Step 3: dummies give their place to their children, but for those with several at the top."""
    for node in _from_the_leaves(roots):
        kept: list[Node] = []
        for child in node.children:
            kept += [child] if child.message is not None else child.children
        for child in kept:
            child.parent = node
        node.children = kept
    pruned: Roots = []
    for root in roots:
        if root.message is None and len(root.children) < 2:
            pruned += root.children
        else:
            pruned.append(root)
    for root in pruned:
        root.parent = None
    return pruned


def _from_the_leaves(roots: Roots) -> Iterator[Node]:
    """Every node, each behind all that is below it."""
    ordered = list(roots)
    for node in ordered:
        ordered += node.children
    return reversed(ordered)


# --- steps 4 to 6: order and subjects -------------------------------------------------------------


def _by_sent_date(node: Node) -> tuple[datetime.datetime, int]:
    message = node.first
    return message.sent, message.order


def _sort(roots: Roots, order: _Order) -> None:
    """Sort siblings everywhere, from the leaves on, since a dummy is as old as its first child."""
    for node in _from_the_leaves(roots):
        node.children.sort(key=order)
    roots.sort(key=order)


def _latest(root: Node) -> tuple[datetime.datetime, int]:
    messages = [node.message for node in _from_the_leaves([root]) if node.message is not None]
    return max((message.sent, message.order) for message in messages)


def _merge_subjects(roots: Roots) -> Roots:
    """Step 5: roots of one subject become one thread."""
    table = _subjects(roots)
    kept = {id(root): root for root in roots}
    for root in roots:
        subject = root.first.subject
        chosen = table.get(subject, root)
        if chosen is root or id(root) not in kept:
            continue
        del kept[id(root)]
        if chosen.message is None:
            chosen.children += [root] if root.message is not None else root.children
        elif root.first.is_reply and not chosen.first.is_reply:
            chosen.children.append(root)
        else:
            # Neither answers the other: both follow one that is not there.
            table[subject] = dummy = Node(children=[chosen, root])
            del kept[id(chosen)]
            kept[id(dummy)] = dummy
    return list(kept.values())


def _subjects(roots: Roots) -> dict[bytes, Node]:
    """Steps 5.A and 5.B: of each subject the root that others may join."""
    table: dict[bytes, Node] = {}
    for root in roots:
        subject = root.first.subject
        if not subject:
            continue
        known = table.setdefault(subject, root)
        if known is root or known.message is None:
            continue
        if root.message is None or (known.first.is_reply and not root.first.is_reply):
            table[subject] = root
    return table
