"""The session an adapter speaks through: deadlines, sizes, no redirects, no ambient settings, no blind retry.

Reads may be tried again, within a budget; a write is sent once. One requests session a thread, because requests
does not promise that sharing one is safe.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import requests
import urllib3

from bidder.errors import ConfigError, RateLimited
from bidder.http.addresses import Origin, PublicHosts
from bidder.http.answers import failure_of, is_transient, retry_after
from bidder.http.exchange import HeaderValue, Loss, NoReply, Reply, Request
from bidder.http.limits import RateLimiter, RetryBudget, SystemTicker, Ticker
from bidder.http.payload import Damaged, Oversize, unpack
from bidder.http.tokens import TokenKeeper
from bidder.http.transport import Flight, WatchedAdapter
from bidder.secrets import Secret

_CHUNK = 1 << 16
_USER_AGENT = "bidder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one request; times in seconds, sizes in bytes.

    Attributes:
        connect: To make the connection. read: Between two bytes.
        total: For the whole request, its retries and waits included.
        patience: A 429 is waited for in place when it asks for at most this long.
        tries: Of a read.
        pause: Before the first retry; doubles with each.
        body: Largest body as it comes. unpacked: Largest body after decompression.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0
    patience: float = 10.0
    tries: int = 3
    pause: float = 0.5
    body: int = 64 << 20
    unpacked: int = 256 << 20

    def __post_init__(self) -> None:
        if min(self.connect, self.read, self.total, self.body, self.unpacked, self.tries) <= 0:
            raise ValueError(f"every limit of a request is positive, was {self}")


class HttpSession:
    """Speaks HTTP to one venue.

    Args:
        origin: Where all paths stand under.
        limits: Deadlines and sizes.
        ticker: The clock of deadlines and waits.
        limiter: Spaces the requests; ``None`` where the venue states no rate.
        tokens: Gives the bearer token; renewed once where a read is answered 401.
        headers: Sent with each request to the origin, never with a download.
        downloads: Hosts of report files; ``None`` allows the origin only.
        secrets: Masked where the venue's words repeat them.
        ca_bundle: Certificates to trust instead of the usual ones; verification cannot be switched off.
        proxy: Address of a proxy; the environment's settings are never used.
    """

    def __init__(  # noqa: PLR0913  # each is one thing a venue may need; all but the first have a default
        self,
        origin: Origin,
        *,
        limits: Limits | None = None,
        ticker: Ticker | None = None,
        limiter: RateLimiter | None = None,
        tokens: TokenKeeper | None = None,
        headers: Mapping[str, HeaderValue] | None = None,
        downloads: PublicHosts | None = None,
        secrets: Sequence[Secret] = (),
        ca_bundle: Path | None = None,
        proxy: str | None = None,
    ) -> None:
        self._origin = origin
        self._limits = limits or Limits()
        self._ticker = ticker or SystemTicker()
        self._limiter = limiter
        self._tokens = tokens
        self._headers = dict(headers or {})
        self._downloads = downloads or PublicHosts((), origin)
        self._secrets = tuple(secrets) + tuple(v for v in self._headers.values() if isinstance(v, Secret))
        if ca_bundle is not None and not ca_bundle.is_file():
            raise ConfigError(f"expected a file of certificates, found none at {ca_bundle}", key="ca_bundle")
        self._verify: bool | str = True if ca_bundle is None else str(ca_bundle)
        self._proxies = {} if proxy is None else {"http": proxy, "https": proxy}
        self._budget = RetryBudget()
        self._own = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def __repr__(self) -> str:
        return f"HttpSession({self._origin.host})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret this session knows, for redaction."""
        return self._secrets + (() if self._tokens is None else self._tokens.known())

    def read(self, request: Request) -> Reply:
        """Send a request that changes nothing, again where that may help, and return its 2xx answer.

        Raises:
            Unavailable: No whole answer, or 5xx, after all tries.
            RateLimited: 429, or our own limit, for longer than we wait in place.
            AuthFailed: 401 (also with a renewed token) or 403.
            ContractBroken: Any other answer: the venue does not understand us, a person has to look.
        """
        return self._settled(request, self._origin.url + request.path, authorised=True, accepts=self._origin.accepts)

    def download(self, url: str) -> bytes:
        """Fetch a report file without any of our headers; errors as those of `read`."""
        self._downloads.check(url)
        bare = Request(method="GET", path="/(report file)")
        return self._settled(bare, url, authorised=False, accepts=self._downloads.accepts).body

    def write(self, request: Request) -> Reply | NoReply:
        """Send a request that may change something, exactly once; never raises for what became of it.

        Raises:
            MarketplaceError: Before anything was sent, where no access token could be had.
        """
        started = self._ticker.monotonic()
        token = None if self._tokens is None else self._tokens.access()
        if self._limiter is not None and not self._limiter.acquire(patience=self._limits.patience):
            return NoReply(loss=Loss.NOT_SENT, detail="our own rate limit is used up", request=str(request))
        left = max(self._limits.total - (self._ticker.monotonic() - started), self._limits.connect)
        return self._once(
            request, self._origin.url + request.path, token, left, authorised=True, accepts=self._origin.accepts
        )

    def close(self) -> None:
        """Let go of the connections of all threads; calling it twice is fine."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
            self._own = threading.local()
        for session in sessions:
            session.close()

    def _settled(self, request: Request, url: str, *, authorised: bool, accepts: Callable[[str], bool]) -> Reply:
        """Try a read until its answer is good, definite, or time, tries or budget are used up."""
        end = self._ticker.monotonic() + self._limits.total
        token = self._tokens.access() if authorised and self._tokens is not None else None
        tries, renewed, waited = 0, False, False
        self._budget.earn()
        while True:
            tries += 1
            self._take_slot(request, end)
            left = end - self._ticker.monotonic()
            answer = self._once(request, url, token, left, authorised=authorised, accepts=accepts)
            if isinstance(answer, Reply) and answer.ok:
                return answer
            if isinstance(answer, Reply) and answer.status == HTTPStatus.UNAUTHORIZED and token and not renewed:
                renewed = True
                token = self._tokens.renew(token) if self._tokens is not None else None
                continue
            pause = self._pause(answer, tries, waited=waited)
            throttled = isinstance(answer, Reply) and answer.status == HTTPStatus.TOO_MANY_REQUESTS
            in_time = pause is not None and self._ticker.monotonic() + pause < end
            if pause is None or not in_time or not (throttled or self._budget.spend()):
                error = failure_of(answer, now=self._wall(), secrets=self.secrets)
                assert error is not None  # noqa: S101  # a 2xx returned above
                raise error
            waited = waited or throttled
            self._ticker.sleep(pause)

    def _pause(self, answer: Reply | NoReply, tries: int, *, waited: bool) -> float | None:
        """Return the seconds before another try, or ``None`` where there is no use in one."""
        if isinstance(answer, Reply) and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            after = retry_after(answer, now=self._wall())
            return after if not waited and after <= self._limits.patience else None
        if isinstance(answer, NoReply) and answer.loss is Loss.TOO_LARGE:
            return None
        if not is_transient(answer) or tries >= self._limits.tries:
            return None
        return float(self._limits.pause * 2 ** (tries - 1))

    def _take_slot(self, request: Request, end: float) -> None:
        if self._limiter is None:
            return
        patience = min(self._limits.patience, end - self._ticker.monotonic())
        if not self._limiter.acquire(patience=patience):
            raise RateLimited(f"{request}: our own rate limit is used up", after=self._limits.patience)

    def _once(
        self,
        request: Request,
        url: str,
        token: Secret | None,
        seconds: float,
        *,
        authorised: bool,
        accepts: Callable[[str], bool],
    ) -> Reply | NoReply:
        """Send one request, whatever comes of it."""
        headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip", "Accept": "*/*"}
        own: dict[str, HeaderValue] = {**self._headers, **request.headers} if authorised else dict(request.headers)
        if token is not None:
            own["Authorization"] = Secret(f"Bearer {token.reveal()}")
        headers |= {name: v.reveal() if isinstance(v, Secret) else v for name, v in own.items()}
        address = f"{url}?{urlencode(request.query)}" if request.query else url
        times = (min(self._limits.connect, max(seconds, 0.001)), min(self._limits.read, max(seconds, 0.001)))
        flight = Flight(seconds, accepts)
        try:
            with flight:
                response = self._session().request(
                    request.method,
                    address,
                    data=request.body,
                    headers=headers,
                    timeout=times,
                    stream=True,
                    allow_redirects=False,
                    verify=self._verify,
                    proxies=self._proxies,
                )
                with contextlib.closing(response):
                    body = self._body(response)
        except Oversize:
            return NoReply(loss=Loss.TOO_LARGE, detail="the answer is larger than allowed", request=str(request))
        except Damaged as exc:
            return NoReply(loss=Loss.UNREADABLE, detail=f"the answer's compression {exc}", request=str(request))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            return self._lost(exc, flight, str(request), seconds)
        if flight.expired or not _is_whole(response, body):
            return self._lost(EOFError(), flight, str(request), seconds)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status=response.status_code, headers=names, body=body, request=str(request))

    def _body(self, response: requests.Response) -> bytes:
        """Read a body within its bounds, a network packet at a time, and unpack it within its bounds."""
        packed = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            packed += chunk
            if len(packed) > self._limits.body:
                raise Oversize(f"was more than {self._limits.body:,} bytes")
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding in ("identity", "") or not packed:
            return bytes(packed)
        if encoding not in ("gzip", "x-gzip"):
            raise Damaged(f"was {encoding}, which was not asked for")
        return unpack(bytes(packed), limit=self._limits.unpacked)

    def _lost(self, exc: Exception, flight: Flight, request: str, seconds: float) -> NoReply:
        """Say why no whole answer came, in our own words: those of the libraries may hold addresses and tokens."""
        host = self._origin.host
        if flight.refused is not None:
            detail = f"the name leads to {flight.refused}, which must not be spoken to"
            return NoReply(loss=Loss.NOT_SENT, detail=detail, request=request)
        if not flight.connected:
            detail = f"no connection to {host}"
            if isinstance(exc, requests.exceptions.SSLError):
                detail = f"no secure connection to {host}: its certificate or TLS was refused"
            return NoReply(loss=Loss.NOT_SENT, detail=detail, request=request)
        if flight.expired:
            return NoReply(loss=Loss.DEADLINE, detail=f"no whole answer within {seconds:.3g} s", request=request)
        if isinstance(exc, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            detail = f"no answer within {min(self._limits.read, seconds):.3g} s"
            return NoReply(loss=Loss.TIMEOUT, detail=detail, request=request)
        return NoReply(loss=Loss.CUT, detail="the connection broke before the whole answer came", request=request)

    def _session(self) -> requests.Session:
        """Return the present thread's own session, free of the environment's proxies, .netrc and cookies."""
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.headers.clear()
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.mount("https://", WatchedAdapter())
            session.mount("http://", WatchedAdapter())
            self._own.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _wall(self) -> datetime:
        return datetime.fromtimestamp(self._ticker.wall(), UTC)


def _is_whole(response: requests.Response, body: bytes) -> bool:
    """Tell whether an answer cannot have been cut off in its head.

    http.client takes the end of the connection for the end of the headers. What then looks like an answer has no
    body, and nothing in it said that it would have none.
    """
    framed = {"content-length", "transfer-encoding"} & {name.lower() for name in response.headers}
    bodiless = response.status_code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    return bool(body) or bool(framed) or bodiless
