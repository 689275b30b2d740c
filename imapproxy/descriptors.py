"""File descriptors: a session needs two of them, and a process has only so many."""

import dataclasses
import resource
from collections.abc import Callable

import msgspec
from twisted.logger import Logger

from imapproxy.config import Settings
from imapproxy.listener.limits import Limits
from imapproxy.upstream.pool.rules import PoolRules

_OF_A_SESSION = 2  # the client's connection and its partner
_OF_THE_STORE = 10  # however few there are
_OTHERS = 64  # for listeners, the log, name look-ups, the store …

_log = Logger()


def fitting(read: Callable[[], Settings]) -> Callable[[], Settings]:
    """Allow this process many open files; what reads its settings, fitted to how many there are."""
    files = allow_open_files()

    def read_and_fit() -> Settings:
        settings = read()
        if settings.workers > 1:
            return settings  # each of them has descriptors of its own, and fits them itself
        return msgspec.structs.replace(
            settings,
            limits=fitted(settings.limits, files),
            pool=fitted_pool(settings.pool, settings.limits, files),
        )

    return read_and_fit


def allow_open_files() -> int:
    """Let this process open as many files as it may be allowed to; the number of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        return soft  # macOS says that there is no limit and does not mean it
    return hard


def sessions_of(files: int) -> int:
    """How many sessions so many open files are enough for; one at least."""
    return max(1, (files - _reserve(files)) // _OF_A_SESSION)


def _reserve(files: int) -> int:
    return min(_OTHERS, files // 4 + _OF_THE_STORE)


def fitted(limits: Limits, files: int) -> Limits:
    """The limits with no more sessions than there can be.

    Who comes then is told so, and who is there can still reach its server. Without this both would
    end at the system's limit, where nobody is told anything.
    """
    if files == resource.RLIM_INFINITY or limits.max_sessions <= sessions_of(files):
        return limits
    _log.warn(
        "only {files} files may be open, so there can be {sessions} sessions and not {wanted}; "
        "allow more (LimitNOFILE= of systemd, ulimit -n), or lower max_sessions",
        files=files,
        sessions=sessions_of(files),
        wanted=limits.max_sessions,
    )
    return dataclasses.replace(limits, max_sessions=sessions_of(files))


def fitted_pool(rules: PoolRules, limits: Limits, files: int) -> PoolRules:
    """The pool with no more connections than there is room for besides all sessions."""
    if files == resource.RLIM_INFINITY or limits.max_sessions <= sessions_of(files - rules.in_all):
        return rules
    return dataclasses.replace(
        rules, in_all=max(1, min(rules.in_all, _reserve(files) // 2, files // 8))
    )
