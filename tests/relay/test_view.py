"""The view of a mailbox against a plain list."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.relay.view import UNKNOWN, View, ViewError

_uid_lists = st.lists(st.integers(1, 5000), unique=True, max_size=3000).map(sorted)


@given(_uid_lists, st.data())
@settings(max_examples=60, deadline=None)
def test_a_view_is_a_list_that_counts_from_one(uids, data):
    view, model = View(uids), list(uids)
    for _ in range(data.draw(st.integers(0, 15))):
        if not model:
            break
        what = data.draw(st.sampled_from(["expunge", "vanish", "grow"]))
        if what == "expunge":
            number = data.draw(st.integers(1, len(model)))
            assert view.expunge(number) == model.pop(number - 1)
        elif what == "vanish":
            low = data.draw(st.integers(1, 5000))
            high = low + data.draw(st.integers(0, 300))
            assert view.vanish(low, high) == [uid for uid in model if low <= uid <= high]
            model = [uid for uid in model if not low <= uid <= high]
        else:
            _grow(view, model, data.draw(st.integers(0, 1500)))
    assert list(view) == model
    assert view.exists == len(model)
    for uid in data.draw(st.lists(st.integers(1, 6000), max_size=20)):
        assert view.number(uid) == (model.index(uid) + 1 if uid in model else None)
    if model:
        first = data.draw(st.integers(1, len(model)))
        last = data.draw(st.integers(first, len(model)))
        assert list(view.uids(first, last)) == model[first - 1 : last]
        assert [view.uid(n) for n in (first, last)] == [model[first - 1], model[last - 1]]
    assert list(View.unpack(view.packed())) == model


def _grow(view, model, count):
    top = model[-1]
    view.grow(len(model) + count)
    if count:
        assert not view.complete
        assert view.uid(len(model) + 1) == UNKNOWN
    for offset in range(count):
        view.learn(len(model) + 1, top + 1 + offset)
        model.append(top + 1 + offset)
    assert view.complete


def test_what_cannot_be_is_told():
    view = View([3, 5, UNKNOWN, 9])
    with pytest.raises(ViewError, match="no message 5 among 4"):
        view.uid(5)
    with pytest.raises(ViewError, match="no message 0"):
        view.expunge(0)
    with pytest.raises(ViewError, match="EXISTS says 3"):
        view.grow(3)
    with pytest.raises(ViewError, match="do not ascend"):
        view.learn(3, 5)
    with pytest.raises(ViewError, match="do not ascend"):
        view.learn(3, 9)
    with pytest.raises(ViewError, match="has UID 5, now 6"):
        view.learn(2, 6)
    with pytest.raises(ViewError, match="are not known"):
        view.number(9)
    view.learn(3, 7)
    assert view.number(7) == 3
    assert view.complete


def test_an_expunge_of_an_unknown_message_leaves_the_rest_known():
    view = View([3, UNKNOWN, 9])
    assert view.expunge(2) == UNKNOWN
    assert view.complete
    assert list(view) == [3, 9]


def test_a_million_messages_fit():
    tracemalloc.start()
    view = View(range(1, 1_000_001))
    view.number(500_000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size <= 24 * view.exists
