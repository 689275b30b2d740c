"""No fault may end up in the log alone."""

from tests.logged_errors import logged_errors

__all__ = ["logged_errors"]
