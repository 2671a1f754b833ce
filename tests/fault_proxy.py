"""An HTTP proxy that lets some requests fail: 503 SlowDown, resets, lost answers, stalls.

Run as ``python fault_proxy.py UPSTREAM PORT 1``, or 0 for a proxy without faults; `GET /__faults`
says what it did, `POST /__refuse` has what matches a pattern answered by 403.
"""

import asyncio
import random
import re
import sys
from collections import Counter

from aiohttp import ClientSession, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

REFUSED, RESET, LOST, STALLED, STALL_S = 0.03, 0.01, 0.01, 0.005, 1.0
SLOW_DOWN = (
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
HOP_BY_HOP = {"transfer-encoding", "content-length", "content-encoding", "connection", "date"}


class Proxy:
    """Hands requests on to one server, but not all of them."""

    def __init__(self, upstream: str, *, with_faults: bool) -> None:
        self._upstream = upstream
        self._random = random.Random(7)
        self._with_faults = with_faults
        self._refused: re.Pattern[str] | None = None
        self._faults: Counter[str] = Counter()
        self._session: ClientSession | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.path == "/__faults":
            return web.json_response(self._faults)
        body = await request.read()
        if request.path == "/__refuse":
            self._refused = re.compile(body.decode()) if body else None
            return web.Response()
        self._faults["requests"] += 1
        if self._refused and self._refused.search(f"{request.method} {request.path_qs}"):
            return web.Response(status=403, content_type="application/xml", text=DENIED)
        drawn = self._random.random() if self._with_faults else 1.0
        if drawn < REFUSED:
            self._faults["refused"] += 1
            return web.Response(status=503, content_type="application/xml", text=SLOW_DOWN)
        if drawn < REFUSED + RESET:
            return self._reset(request, "reset")
        answer = await self._passed_on(request, body)
        if drawn < REFUSED + RESET + LOST:
            return self._reset(request, "lost")
        if drawn < REFUSED + RESET + LOST + STALLED:
            self._faults["stalled"] += 1
            await asyncio.sleep(STALL_S)
        return answer

    def _reset(self, request: web.Request, fault: str) -> web.Response:
        self._faults[fault] += 1
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        if self._session is None:
            self._session = ClientSession(connector=TCPConnector(limit=0), auto_decompress=False)
        url = URL(self._upstream + request.raw_path, encoded=True)
        asked = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        async with self._session.request(
            request.method, url, headers=asked, data=body, allow_redirects=False
        ) as answer:
            content = await answer.read()
            headers = CIMultiDict(
                (k, v) for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP
            )
            if request.method == "HEAD":
                headers["Content-Length"] = answer.headers.get("Content-Length", "0")
                return web.Response(status=answer.status, headers=headers)
            return web.Response(status=answer.status, headers=headers, body=content)


def main() -> None:
    """Serve on loopback until killed."""
    upstream, port, with_faults = sys.argv[1:]
    proxy = Proxy(upstream, with_faults=with_faults == "1")
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    web.run_app(app, host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main()
