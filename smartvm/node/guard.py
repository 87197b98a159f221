"""Who may ask: the hosts and the origins that a node serves, and what its answers tell browsers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import TYPE_CHECKING, Any

from smartvm.node.errors import INVALID_REQUEST, RPCError
from smartvm.node.protocol import error_body

if TYPE_CHECKING:
    from starlette.responses import Response

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Hosts that a browser can name only if it runs on this machine."""
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def origin_pattern(origins: Collection[str]) -> re.Pattern[str]:
    """The origins of web pages that are served: this machine's, extensions, and those given."""
    local = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
    # The browser decides what its extensions may reach; wallets are among them.
    extensions = r"(chrome|moz|safari-web)-extension://[\w-]+"
    return re.compile("|".join([local, extensions, *map(re.escape, origins)]))


class Guard:
    """Refuses requests for another host and those of foreign web pages, and adds headers.

    A page from elsewhere can make a browser post here without asking first, or reach this
    machine under a name of its own; the Origin and the Host header tell.
    """

    def __init__(
        self, app: Application, *, hosts: Collection[str], origins: re.Pattern[str]
    ) -> None:
        self._app = app
        self._hosts = frozenset(map(str.lower, hosts))
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        reason = self._reason(headers)
        if reason:
            await refusal(RPCError(INVALID_REQUEST, reason), 403)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _reason(self, headers: dict[bytes, str]) -> str | None:
        place = headers.get(b"host", "").lower()
        host = re.sub(r":\d*$", "", place)
        if "*" not in self._hosts and host not in self._hosts:
            return f"host {host[:100]!r} is not served here (see --allow-host)"
        origin = headers.get(b"origin")
        if origin is None or self._origins.fullmatch(origin):
            return None
        if origin.lower() in (f"http://{place}", f"https://{place}"):  # the node's own page
            return None
        return f"origin {origin[:100]!r} is not allowed here (see --allow-origin)"


def _with_headers(send: Send) -> Send:
    async def sender(message: Scope) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.lower().encode(), v.encode()) for name, v in PAGE_HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return sender


def refusal(error: RPCError, status: int) -> Response:
    """The answer to what is refused before it reaches the node."""
    from starlette.responses import Response

    return Response(error_body(error), status, media_type="application/json")
