"""Heartbeats over HTTP, as Healthchecks and services like it take them.

A POST to the address itself says that all is well, one to the address with ``/fail`` behind its
path that it is not; the body is a few words for people. Redirects are followed to http and https
alone, and never from https to http: the address would travel in the open.
"""

import http.client
import ssl
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from typing_extensions import override

from orchestrator import __version__
from orchestrator.model.secret import Secret
from orchestrator.ports.heartbeat import Answer

TIMEOUT = 5.0
"""Seconds for each step of a ping: connecting, sending, hearing."""

MOST_WORDS = 1000
SCHEMES = frozenset({"http", "https"})
_TAKEN = range(200, 300)


class HttpHeartbeat:
    """Pings over HTTP."""

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        """Given how many seconds a service may take, be ready."""
        self._timeout = timeout

    def ping(self, url: Secret, *, is_well: bool, words: str) -> Answer:
        """Tell the service; whatever goes wrong is an answer that was not taken."""
        try:
            address = url.reveal() if is_well else _failing(url.reveal())
            return self._post(address, words)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(is_taken=False, words=f"HTTP {error.code}")
        except urllib.error.URLError as error:
            return Answer(is_taken=False, words=_words_of(error.reason))
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(is_taken=False, words=_words_of(error))

    def _post(self, address: str, words: str) -> Answer:
        if urlsplit(address).scheme.lower() not in SCHEMES:
            return Answer(is_taken=False, words="the address is not one of http or https")
        request = urllib.request.Request(  # noqa: S310 the scheme was looked at
            address,
            data=words[:MOST_WORDS].encode("utf-8", "replace"),
            headers={
                "User-Agent": f"backup-orchestrator/{__version__}",
                "Content-Type": "text/plain; charset=utf-8",
            },
            method="POST",
        )
        opener = urllib.request.build_opener(_CarefulRedirects)
        with opener.open(request, timeout=self._timeout) as response:
            return Answer(is_taken=response.status in _TAKEN, words=f"HTTP {response.status}")


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows few redirects, and none to another kind of place or out of encryption."""

    max_redirections = 3

    @override
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request that follows, or refuse it."""
        was, becomes = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme.lower()
        if becomes not in SCHEMES or (was == "https" and becomes != "https"):
            raise urllib.error.URLError(f"a redirect to {becomes}: is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _failing(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


def _words_of(reason: object) -> str:
    """Return what went wrong; exceptions may quote the address, so their own text is not used."""
    match reason:
        case str():  # urllib's own words
            return reason
        case ssl.SSLError():
            return reason.reason or "the encryption failed"
        case TimeoutError():
            return "timed out"
        case OSError(strerror=str() as words):
            return words
        case _:
            return f"the address or the answer makes no sense ({type(reason).__name__})"
