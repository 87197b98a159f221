"""Interrupt: how another thread ends what runs here, in the middle of a frame.

    interrupt = Interrupt()
    with interrupt.governing():
        chain.call(address, calldata)  # Interrupted, soon after interrupt.asked = True

A node needs it: what a client may ask for can take longer than anybody waits. It decides which
answers are given at all, never what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from eth.vm.code_stream import CodeStream


class Interrupted(BaseException):
    """Raised in the frame that was running; no error, so that nothing takes it for an answer."""


class Interrupt:
    """A wish that every frame looks at between two instructions.

    Attributes:
        asked: set it, from any thread, to end what runs.
    """

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Go on, unless the end was asked for.

        Raises:
            Interrupted: it was.
        """
        if self.asked:
            raise Interrupted

    @contextmanager
    def governing(self) -> Iterator[None]:
        """Frames that begin within, in this thread, look at this interrupt."""
        token = _governing.set(self)
        try:
            yield
        finally:
            _governing.reset(token)


NEVER = Interrupt()
"""What frames look at where nobody can end them."""
_governing: ContextVar[Interrupt] = ContextVar("interrupt", default=NEVER)


def governing_interrupt() -> Interrupt:
    """What the frames of this thread look at."""
    return _governing.get()


class InterruptibleStream(CodeStream):
    """The code of an ordinary contract, with a look at an interrupt before each instruction."""

    def __init__(self, code: bytes, interrupt: Interrupt) -> None:
        """Read `code`."""
        super().__init__(code)
        self._interrupt = interrupt

    def __iter__(self) -> Iterator[int]:
        """The opcodes to execute."""
        for opcode in super().__iter__():
            self._interrupt.check()
            yield opcode
