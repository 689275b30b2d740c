"""The fixtures of these tests."""

from tests.logged_errors import logged_errors
from tests.offline.house import offline_house

__all__ = ["logged_errors", "offline_house"]
