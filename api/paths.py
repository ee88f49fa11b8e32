"""Ids in paths: a slash of an id is no slash of the path."""

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT = re.compile(r"%(2[Ff5])")
"""An encoded slash, or an encoded per cent sign, without which an id that holds the text %2F could not be told from one that holds a slash."""


class EncodedSlashes:
    """Has paths matched before their `%2F` are decoded; `segment` decodes them in what was matched.

    A server decodes the whole path before the routes see it, so `/v1/leads/web%2F7` would name the resource `7` of the lead `web`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a path whose slashes are the path's own."""
        if scope["type"] == "http":
            scope = {**scope, "path": _path_of(scope)}
        await self._app(scope, receive, send)


def _path_of(scope: Scope) -> str:
    raw = scope.get("raw_path")
    if not raw:  # ASGI lets a server leave it out: then the path is decoded already
        return str(scope["path"]).replace("%", "%25")
    return unquote(_KEPT.sub(r"%25\1", raw.decode("ascii")))


def segment(matched: str) -> str:
    """The text of one segment of a path, as it was before its encoding.

    Examples
    --------
    >>> segment("web%2F7"), segment("100%252F")
    ('web/7', '100%2F')
    """
    return _KEPT.sub(lambda code: unquote(code.group()), matched)
