"""A proxy that fails on purpose: what real networks and gateways do to a client."""

import asyncio
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self


def _response(line: str, body: str) -> bytes:
    head = f"HTTP/1.1 {line}\r\nRetry-After: 1\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


RESPONSES = {
    "429": _response("429 Too Many Requests", '{"code":"rate_limited","message":"slow down"}'),
    "503": _response("503 Service Unavailable", '{"code":"overloaded","message":"come later"}'),
}


class Faults:
    """Listens on a port of its own and passes requests on; the first POSTs fail as told.

    Parameters
    ----------
    port
        Where requests go.
    script
        For each POST in turn: `429`, `503`, `reset` (the request is not passed on), `lost` (it is passed on, its answer is not), or `ok`.
        When the script is over, all pass.
    """

    def __init__(self, port: int, script: Iterable[str]) -> None:
        self._target = port
        self._script = list(script)
        self.injected: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where clients send to."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24), self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async def stop() -> None:
            self._server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            fault = self._next(head)
            if fault == "reset":
                writer.transport.abort()
                return
            request = head + await _body(head, reader)
            if fault in RESPONSES:
                writer.write(RESPONSES[fault])
            else:
                answer = await self._passed_on(request)
                if fault == "lost":
                    writer.transport.abort()
                    return
                writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _next(self, head: bytes) -> str:
        fault = self._script.pop(0) if head.startswith(b"POST") and self._script else "ok"
        if fault != "ok":
            self.injected.append(fault)
        return fault

    async def _passed_on(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        line, _, rest = request.partition(b"\r\n")
        headers, _, body = rest.partition(b"\r\n\r\n")
        kept = [one for one in headers.split(b"\r\n") if not one.lower().startswith((b"connection:", b"expect:"))]
        writer.write(b"\r\n".join([line, *kept, b"Connection: close"]) + b"\r\n\r\n" + body)
        answer = await reader.read(-1)
        writer.close()
        return answer


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    if headers.get(b"transfer-encoding") == b"chunked":
        chunks = b""
        while not chunks.endswith(b"0\r\n\r\n"):
            chunks += await reader.readuntil(b"\r\n")
        return chunks
    return await reader.readexactly(int(headers.get(b"content-length", b"0")))
