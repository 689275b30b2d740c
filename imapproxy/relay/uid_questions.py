"""When the proxy asks the upstream on its own behalf: which UIDs there are, and what is new."""

from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.learning import Learning
from imapproxy.relay.open_fetches import OpenFetches
from imapproxy.relay.planned_fetch import FetchOwner
from imapproxy.relay.selected import Selected
from imapproxy.relay.tee import Tee

# UIDs that are asked for at once: some 250 KB of answers.
_LEARNED_AT_ONCE = 10_000
# Of a mailbox that is larger only what the client asks for is learned: 2.5 MB, once, is enough.
_LEARNED_IN_ALL = 100_000


class UidQuestions:
    """Asks for UIDs where that is worth it and the answer can be told from all others."""

    def __init__(
        self,
        owner: FetchOwner,
        account: CachedAccount,
        selected: Selected,
        tee: Tee,
        fetches: OpenFetches,
    ) -> None:
        self._owner = owner
        self._account = account
        self._selected = selected
        self._tee = tee
        self._fetches = fetches

    def learn_more(self) -> Learning | None:
        """Ask for UIDs that are not known, some at a time."""
        view = self._selected.view
        unknown = self._selected.unknown()
        if view is not None and view.exists > _LEARNED_IN_ALL and not self._selected.has_candidate:
            unknown = self._tee.unnamed
        if unknown is None or self._fetches.learnings or not self._is_worth_learning:
            return None
        first, last = unknown
        return self._learn(first, min(last, first + _LEARNED_AT_ONCE - 1))

    @property
    def _is_worth_learning(self) -> bool:
        if not self._owner.may_ask:
            return False
        # While a FETCH runs that tells the UIDs itself, nothing is asked for twice.
        if self._fetches.passing or self._fetches.unread:
            return False
        if self._selected.has_candidate:
            return True
        view = self._selected.view
        if self._account.freshness.exact:
            return view is not None and view.exists <= _LEARNED_AT_ONCE
        return self._fetches.wanted and view is not None

    def ask_for_news(self) -> bool:
        """Ask something harmless, so that the upstream may tell news; whether it could be asked."""
        view = self._selected.view
        if view is None or not view.exists or not self._owner.may_ask:
            return False
        if not self._fetches.may_learn:
            return False
        self._learn(1, 1)
        return True

    def _learn(self, first: int, last: int) -> Learning:
        account = self._account
        learning = Learning(
            self._selected, account.store.writer, first, last, with_emailid=account.has_emailid
        )
        self._fetches.learn(learning)
        self._owner.send(learning, learning.words)
        return learning
