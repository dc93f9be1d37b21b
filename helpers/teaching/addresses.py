"""Where an API, a distribution or a name of the local cloud answers, for Python and for a browser.

On AWS a stage's address is ``https://API.execute-api.REGION.amazonaws.com/STAGE/path``; here it is
``{endpoint}/_aws/execute-api/API/STAGE/path``. A browser on the same machine opens it as it is. On a hub the browser is
elsewhere: there jupyter-server-proxy hands the request to the kernel's machine, below the server's own address
(``{JUPYTERHUB_SERVICE_PREFIX}proxy/PORT/...``).
"""

from __future__ import annotations

import html
import os
import re
from urllib.parse import urlsplit

from helpers import cloud
from helpers.teaching import output


def api_address(api_id: str, stage: str, path: str = "", *, scheme: str = "http") -> str:
    """Return the address of a path below a stage of an API.

    Parameters
    ----------
    path:
        Begins with a slash, percent-encoded where it needs to be; empty for the stage itself.
    scheme:
        ``http``, or ``ws`` for a WebSocket API.

    Raises
    ------
    RuntimeError
        No cloud runs.
    ValueError
        The path lacks its slash, or there is no such scheme.
    """
    if path and not path.startswith("/"):
        raise ValueError(f"the path {path!r} must begin with a slash: {'/' + path!r}")
    if scheme not in ("http", "ws"):
        raise ValueError(f"the scheme is {scheme!r}: it must be 'http' or 'ws'")
    host = urlsplit(cloud.current().endpoint).netloc
    return f"{scheme}://{host}/_aws/execute-api/{api_id}/{stage}{path}"


def local_address(url: str) -> str:
    """Return where the local cloud answers in place of an API's address on AWS, without a slash at its end.

    An empty text stands for what is no ``https://API.execute-api.REGION.amazonaws.com``, with or without a path.
    """
    parts = re.fullmatch(r"https://(\w+)\.execute-api\.[\w-]+\.amazonaws\.com(/.*)?", url)
    return f"{cloud.current().endpoint}/_aws/execute-api/{parts[1]}{(parts[2] or '').rstrip('/')}" if parts else ""


def distribution_address(distribution_id: str, path: str = "/") -> str:
    """Return the address of a path of a CloudFront distribution, in place of ``https://NAME.cloudfront.net/path``.

    Raises
    ------
    RuntimeError
        No cloud runs.
    ValueError
        The path lacks its slash.
    """
    if not path.startswith("/"):
        raise ValueError(f"the path {path!r} must begin with a slash: {'/' + path!r}")
    return f"{cloud.current().endpoint}/_aws/cloudfront/{distribution_id}{path}"


def web_address(name: str = "", path: str = "") -> str:
    """Return where the local cloud answers in place of ``https://NAME/path``; without a name, what stands before it.

    Raises
    ------
    RuntimeError
        No cloud runs.
    """
    return f"{cloud.current().endpoint}/_aws/https/{name}{path}"


def open_link(address: str, text: str = "") -> None:
    """Show a link that opens ``address``, one of the local cloud's, in a browser, on a hub too."""
    parts = urlsplit(address)
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    target = f"{prefix}proxy/{parts.port}{parts.path}" if prefix else address
    target += f"?{parts.query}" if prefix and parts.query else ""
    output.html(f'<a href="{html.escape(target)}" target="_blank">{html.escape(text or address)}</a>')
