"""Commands that are about the connection and the user (RFC 9051 sections 6.1 and 6.2).

One value per command; :mod:`imapproxy.wire.commands` has them all, and the conventions.
"""

from dataclasses import dataclass

from imapproxy.wire.secret import Secret


@dataclass(frozen=True, slots=True)
class Capability:
    """``CAPABILITY``."""


@dataclass(frozen=True, slots=True)
class Noop:
    """``NOOP``."""


@dataclass(frozen=True, slots=True)
class Logout:
    """``LOGOUT``."""


@dataclass(frozen=True, slots=True)
class Id:
    """``ID (field value …)`` or, with ``None``, ``ID NIL`` (RFC 2971)."""

    parameters: tuple[tuple[bytes, bytes | None], ...] | None


@dataclass(frozen=True, slots=True)
class StartTls:
    """``STARTTLS``."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """``AUTHENTICATE mechanism [initial-response]`` (SASL-IR, RFC 4959).

    ``initial_response`` is what stood on the wire, still base64 (or ``=`` for an empty one).
    """

    mechanism: str
    initial_response: Secret | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """``LOGIN user password``."""

    user: bytes
    password: Secret


@dataclass(frozen=True, slots=True)
class Enable:
    """``ENABLE capability …`` (RFC 5161); names in upper case."""

    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compress:
    """``COMPRESS mechanism`` (RFC 4978); ``mechanism`` in upper case."""

    mechanism: str


@dataclass(frozen=True, slots=True)
class Idle:
    """``IDLE`` (RFC 2177); the line ``DONE`` that ends it is no command."""
