"""The node over HTTP: an ASGI application on starlette (`pip install 'smartvm[node]'`).

POST / is JSON-RPC, GET / the page for people, GET /health tells whether the node lives. One
thread carries out the requests, since py-evm is made for one; the event loop stays free, so
that a slow call blocks no health check and no refusal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from smartvm import __version__
from smartvm.exceptions import SmartVMError
from smartvm.node.errors import INVALID_REQUEST, LIMIT_EXCEEDED, RPCError
from smartvm.node.guard import LOOPBACK, Guard, origin_pattern, refusal
from smartvm.node.node import Node
from smartvm.opcodes.interruption import Interrupt

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"


def require_extra() -> None:
    """See that what serves is installed.

    Raises:
        SmartVMError: it is not; the message says what to install.
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        raise SmartVMError(f"the node needs {needed}: pip install 'smartvm[node]'")


def make_app(
    node: Node,
    *,
    hosts: Collection[str] = LOOPBACK,
    origins: Collection[str] = (),
    block_seconds: float | None = None,
    started: Callable[[], None] = lambda: None,
) -> Starlette:
    """The application that serves a node.

    Args:
        node: what answers; closed when the application stops.
        hosts: names in the Host header that are served (against DNS rebinding).
        origins: origins of web pages that may use the node besides those of this machine.
        block_seconds: mine a block of what waits as often; None leaves it to the node.
        started: called once the application answers.

    Raises:
        SmartVMError: the extra is not installed.
    """
    require_extra()
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    endpoint = Endpoint(node)
    allowed = origin_pattern(origins)
    return Starlette(
        routes=[
            Route("/", endpoint.rpc, methods=["POST"]),
            Route("/health", endpoint.health),
            Mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False)),
        ],
        middleware=[
            Middleware(Guard, hosts=hosts, origins=allowed),
            Middleware(
                CORSMiddleware,
                allow_origin_regex=allowed.pattern,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
            ),
        ],
        lifespan=lambda _: _lifespan(endpoint, block_seconds, started),
    )


@asynccontextmanager
async def _lifespan(
    endpoint: Endpoint, block_seconds: float | None, started: Callable[[], None]
) -> AsyncIterator[None]:
    mining = asyncio.create_task(endpoint.mine_every(block_seconds)) if block_seconds else None
    asyncio.get_running_loop().call_soon(started)
    try:
        yield
    finally:
        if mining:
            mining.cancel()
        await endpoint.close()


class Work:
    """What one body asks for, and whether its client still waits.

    Attributes:
        started: when it came, in seconds of `perf_counter`.
        interrupt: ends it; asked by the event loop when nobody waits any more.
    """

    def __init__(self) -> None:
        self.started = perf_counter()
        self.interrupt = Interrupt()
        self._methods: list[str] = []

    def begin(self, method: str) -> None:
        """Note a method that is about to be carried out.

        Raises:
            RPCError: nobody waits for it any more.
        """
        if self.interrupt.asked:
            raise RPCError(LIMIT_EXCEEDED, "the time was over before the request was begun")
        self._methods.append(method)

    def summary(self) -> str:
        """The first methods, in signs that every log can show."""
        names = [ascii(method)[1:-1][:40] for method in self._methods[:4]]
        more = len(self._methods) - len(names)
        return ",".join(names) + (f" and {more} more" if more else "") or "-"


class Endpoint:
    """The node behind its one thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._limits = node.limits
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="smartvm-node")
        self._waiting = 0

    async def health(self, _: Request) -> Response:
        """Alive, and how busy; answered without the node's thread."""
        from starlette.responses import JSONResponse

        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "chainId": self._node.chain.chain_id,
                "blockNumber": self._node.newest,
                "waiting": self._waiting,
            }
        )

    async def rpc(self, request: Request) -> Response:
        """JSON-RPC 2.0; every answer is JSON-RPC too."""
        from starlette.requests import ClientDisconnect
        from starlette.responses import Response

        work = Work()
        try:
            body = await self._body(request)
            answer = await self._answer(body, work)
        except ClientDisconnect:
            return Response(status_code=400)
        except RPCError as error:
            log.info("refused: %s", error, extra={"fields": {"refused": str(error)}})
            return refusal(error, 413 if error.code == INVALID_REQUEST else 503)
        _note(work, len(body), answer)
        return Response(answer, 200 if answer else 204, media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        most, parts, size = self._limits.body_bytes, [], 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        message = f"expected a body of at most {most} bytes"
                        raise RPCError(INVALID_REQUEST, message)
                    parts.append(part)
        except TimeoutError:
            raise RPCError(LIMIT_EXCEEDED, "the body did not arrive in time") from None
        return b"".join(parts)

    async def _answer(self, body: bytes, work: Work) -> bytes:
        if self._waiting >= self._limits.waiting:
            raise RPCError(LIMIT_EXCEEDED, f"{self._waiting} requests wait already; try again")
        self._waiting += 1
        job = self._worker.submit(self._node.handle_body, body, work.begin, work.interrupt)
        job.add_done_callback(self._done(asyncio.get_running_loop()))
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await asyncio.shield(asyncio.wrap_future(job))
        except TimeoutError:
            message = f"no answer within {self._limits.seconds:g} s (--time-limit)"
            raise RPCError(LIMIT_EXCEEDED, message) from None
        except asyncio.CancelledError:  # the server ends
            raise RPCError(LIMIT_EXCEEDED, "the node ends") from None
        finally:
            work.interrupt.asked = True

    def _done(self, loop: asyncio.AbstractEventLoop) -> Callable[[Any], None]:
        def release() -> None:
            self._waiting -= 1

        def done(_: Any) -> None:
            loop.call_soon_threadsafe(release)

        return done

    async def mine_every(self, seconds: float) -> None:
        """Mine what waits, again and again."""
        while True:
            await asyncio.sleep(seconds)
            interrupt = Interrupt()
            mining = asyncio.wrap_future(self._worker.submit(self._node.mine, interrupt))
            await asyncio.wait([mining], timeout=self._limits.seconds)
            interrupt.asked = True
            try:
                await mining
            except SmartVMError as error:
                log.warning("mining failed: %s", error)

    async def close(self) -> None:
        """End what was begun, drop what waits, and close the chain."""
        self._node.stop()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, lambda: self._worker.shutdown(cancel_futures=True))
        self._node.close()


def _note(work: Work, size: int, answer: bytes) -> None:
    """One line of the log a body."""
    if not log.isEnabledFor(logging.INFO):
        return
    fields: dict[str, Any] = {
        "methods": work.summary(),
        "milliseconds": round((perf_counter() - work.started) * 1e3, 1),
        "bytes": size,
        "answerBytes": len(answer),
        "failed": b'"error":{"code":' in answer[:600],
    }
    outcome = "failed" if fields["failed"] else "ok"
    text = "%s  %s  %.1f ms"
    log.info(text, fields["methods"], outcome, fields["milliseconds"], extra={"fields": fields})
