"""SharedLock: readers together, a writer alone."""

from __future__ import annotations

from threading import Barrier, Event, Thread

from smartvm.storage.locks import SharedLock


def test_readers_hold_it_together() -> None:
    lock, both = SharedLock(), Barrier(2)

    def read() -> None:
        with lock.shared():
            both.wait(30)

    reader = Thread(target=read)
    reader.start()
    read()
    reader.join()
    assert not both.broken


def test_a_writer_waits_for_readers_and_keeps_others_out() -> None:
    lock, order, writing = SharedLock(), [], Event()

    def write() -> None:
        with lock.alone():
            writing.set()
            order.append("write")

    def read() -> None:
        writing.wait(30)
        with lock.shared():
            order.append("read")

    threads = [Thread(target=write), Thread(target=read)]
    with lock.shared():
        for thread in threads:
            thread.start()
        order.append("first")
    for thread in threads:
        thread.join(30)
    assert order == ["first", "write", "read"]


def test_it_is_free_again_after_an_error() -> None:
    lock = SharedLock()
    for hold in (lock.shared, lock.alone):
        try:
            with hold():
                raise KeyError
        except KeyError:
            pass
    with lock.alone():
        pass
