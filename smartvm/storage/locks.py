"""SharedLock: many read at once, and who changes something is alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class SharedLock:
    """A lock that is held by any number of readers, or by one writer. It must not be nested."""

    def __init__(self) -> None:
        self._free = Condition()
        self._readers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it with other readers."""
        with self._free:
            self._readers += 1
        try:
            yield
        finally:
            with self._free:
                self._readers -= 1
                self._free.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold it alone, once those who read have ended."""
        with self._free:
            while self._readers:
                self._free.wait()
            yield
