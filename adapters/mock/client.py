"""The counter over HTTP: endpoints, pages and report files of the mock venue, through `bidder.http` like any other.

Reads are retried there; a write is one request, and whatever is not a clear answer to it is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

from adapters.mock.advertiser import JobState
from adapters.mock.reports import ReportSpec
from adapters.mock.sheets import read_pages, unpack_page
from adapters.mock.wire import (
    decode_ad_group,
    decode_campaign,
    decode_outcome,
    decode_product,
    decode_profile,
    decode_settings,
    decode_target,
    encode_change,
)
from bidder.core.change import Change, Outcome, Settings
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.performance import PerformanceReport
from bidder.core.venue import VenueProfile
from bidder.errors import AuthFailed, ConfigError, ContractBroken, Unavailable
from bidder.http import (
    Grant,
    HttpSession,
    Limits,
    Node,
    NoReply,
    Origin,
    RateLimit,
    RateLimiter,
    Request,
    SystemTicker,
    TokenKeeper,
    decode_json,
    item_outcomes,
)
from bidder.ports import AdapterConfig
from bidder.secrets import Secret

_T = TypeVar("_T")
_PAGE = 500
_REFS = 500
_PAGES_AT_MOST = 10_000
_LARGEST = 64 << 20
_OPTIONS = {"base_url", "requests", "seconds", "connect_seconds", "read_seconds", "total_seconds"}
_SECRETS = ("client_id", "client_secret", "refresh_token")


class HttpCounter:
    """A `Counter` over HTTP; see there for the methods.

    Args:
        config: Options: ``base_url``; optional ``requests`` in ``seconds`` (our own rate limit),
            ``connect_seconds``, ``read_seconds``, ``total_seconds``. Secrets: see `MockMarketplace`.
    """

    def __init__(self, config: AdapterConfig) -> None:
        options = _Options(config)
        ticker = SystemTicker()
        self._config = config
        self._path = f"/v1/accounts/{quote(config.account.remote_id, safe='')}"
        self._currency = config.account.currency
        secrets = [options.secret(name) for name in _SECRETS]
        limits = options.limits()
        self._plain = HttpSession(options.origin, limits=limits, ticker=ticker, secrets=secrets)
        client_id, client_secret, refresh = secrets
        tokens = TokenKeeper(refresh, lambda token: self._grant(client_id, client_secret, token), config.memory, ticker)
        limiter = RateLimiter(options.rate(), config.memory, ticker)
        self._http = HttpSession(
            options.origin, limits=limits, ticker=ticker, limiter=limiter, tokens=tokens, secrets=secrets
        )
        self._profile: VenueProfile | None = None

    def profile(self, now: datetime) -> VenueProfile:
        """Return the venue's rules for this account."""
        self._profile = decode_profile(self._get("/profile"))
        return self._profile

    def structure(self, account: AccountId, now: datetime) -> Structure:
        """Return everything the account holds."""
        summary = self._get("")
        zone, balance = summary.at("time_zone").text(), summary.find("balance")
        self._same(summary.at("id"), self._config.account.remote_id)
        self._same(summary.at("currency"), self._currency)
        try:
            return Structure(
                account_id=account,
                currency=self._currency,
                time_zone=zone,
                campaigns=tuple(self._all("/campaigns", decode_campaign)),
                ad_groups=tuple(self._all("/ad_groups", decode_ad_group)),
                targets=tuple(self._all("/targets", decode_target)),
                products=tuple(self._all("/products", decode_product)),
                balance=None if balance is None else balance.money(self._currency, least=None),
                observed_at=now,
            )
        except ValueError as exc:
            raise ContractBroken(f"expected a structure that makes sense, {exc}", field=self._path) from None

    def request_report(self, spec: ReportSpec, now: datetime) -> str:
        """Start a report and return its job."""
        asked = {
            "from": spec.days.first.isoformat(),
            "to": spec.days.last.isoformat(),
            "grain": spec.grain.value,
            "window_days": spec.window_days,
        }
        reply = self._http.read(Request.of_json("POST", f"{self._path}/reports", asked))
        return decode_json(reply).at("job").text()

    def job_state(self, job: str, now: datetime) -> JobState:
        """Tell where a job stands."""
        state = self._job(job).at("state")
        if state.text() not in set(JobState):
            raise ContractBroken(f"expected the state of a report, was {state.text()[:40]!r}", field=state.path)
        return JobState(state.text())

    def fetch_report(self, job: str, spec: ReportSpec, now: datetime) -> PerformanceReport:
        """Return a report that is ready; its rows are stamped with the instant they were the newest at."""
        count = self._job(job).at("pages").integer(least=1)
        pages: list[Node] = []
        for number in range(min(count, _PAGES_AT_MOST)):
            path = f"{self._path}/reports/{quote(job, safe='')}/pages/{number}"
            reply = self._http.read(Request(method="GET", path=path))
            pages.append(unpack_page(reply.body, place=reply.request))
        lag = (self._profile or self.profile(now)).report_lag
        newest = min(page.at("known_until").instant() for page in pages)
        return read_pages(
            pages,
            spec,
            account=self._config.account.remote_id,
            currency=self._currency,
            observed_at=min(now, newest + lag),
        )

    def submit(self, changes: Sequence[Change], keys: Sequence[str], now: datetime) -> Sequence[Outcome]:
        """Send at most a batch of changes in one request; one outcome each, matched by key."""
        items = [encode_change(change, key) for change, key in zip(changes, keys, strict=True)]
        answer = self._http.write(Request.of_json("POST", f"{self._path}/changes", {"changes": items}))
        return item_outcomes(
            answer, keys, lambda node: map(decode_outcome, node.at("results").items()), secrets=self._http.secrets
        )

    def settings(self, refs: Sequence[EntityRef], now: datetime) -> Sequence[Settings]:
        """Return what entities are set to."""
        found: list[Settings] = []
        for start in range(0, len(refs), _REFS):
            asked = {"refs": [str(ref) for ref in refs[start : start + _REFS]]}
            reply = self._http.read(Request.of_json("POST", f"{self._path}/settings", asked))
            found.extend(decode_settings(item) for item in decode_json(reply).at("settings").items())
        return tuple(found)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        self._plain.close()

    def _get(self, path: str, query: dict[str, str] | None = None) -> Node:
        return decode_json(self._http.read(Request(method="GET", path=self._path + path, query=query or {})))

    def _job(self, job: str) -> Node:
        return self._get(f"/reports/{quote(job, safe='')}")

    def _all(self, path: str, decode: Callable[[Node, str], _T]) -> Iterator[_T]:
        """Read all pages of a listing; what comes back must be as many as the venue says there are."""
        cursor: str | None = None
        count = 0
        for _ in range(_PAGES_AT_MOST):
            page = self._get(path, {"limit": str(_PAGE)} | ({} if cursor is None else {"cursor": cursor}))
            self._same(page.at("currency"), self._currency)
            for item in page.at("items").items():
                count += 1
                yield decode(item, self._currency)
            following = page.find("next")
            if following is None:
                total = page.at("total").integer()
                if count != total:
                    raise ContractBroken(f"expected {total} entries, was {count}", field=page.path)
                return
            cursor = following.text()
        raise ContractBroken(f"expected at most {_PAGES_AT_MOST} pages, was more", field=path)

    def _grant(self, client_id: Secret, client_secret: Secret, refresh: Secret) -> Grant:
        form: dict[str, str | Secret] = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh,
        }
        answer = self._plain.write(Request.of_form("/oauth/token", form))
        if isinstance(answer, NoReply):
            raise Unavailable(f"no access token: {answer.detail}")
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise AuthFailed("the venue refused our refresh token; connect the account again")
        if not answer.ok:
            raise Unavailable(f"no access token: HTTP {answer.status}")
        node = decode_json(answer)
        rotated = node.find("refresh_token")
        return Grant(
            access=Secret(node.at("access_token").text()),
            expires_in=node.at("expires_in").number(),
            refresh=None if rotated is None else Secret(rotated.text()),
        )

    def _same(self, node: Node, expected: str) -> None:
        if node.value != expected:
            raise ContractBroken(f"expected {expected}, was {node.text()[:40]}", field=node.path)


class _Options:
    """The adapter's own keys, checked: a typo is an error here as everywhere."""

    def __init__(self, config: AdapterConfig) -> None:
        self._config = config
        self._place = f"accounts.{config.account.id}"
        for name in config.options:
            if name not in _OPTIONS:
                raise ConfigError(
                    f"unknown option; the mock adapter knows {', '.join(sorted(_OPTIONS))}", key=f"{self._place}.{name}"
                )
        base = config.options.get("base_url")
        if not isinstance(base, str):
            raise ConfigError(
                "the mock adapter needs base_url; start `bidder mock serve` and copy the address it prints",
                key=f"{self._place}.options.base_url",
            )
        self.origin = Origin.parse(base, insecure_loopback=True, key=f"{self._place}.options.base_url")

    def secret(self, name: str) -> Secret:
        """Return a secret that must be there."""
        found = self._config.secrets.get(name)
        if not found:
            raise ConfigError(
                "the mock adapter needs this secret; `bidder mock serve` prints it", key=f"{self._place}.secrets.{name}"
            )
        return found

    def limits(self) -> Limits:
        """Return deadlines."""
        usual = Limits()
        return Limits(
            connect=self._number("connect_seconds", usual.connect),
            read=self._number("read_seconds", usual.read),
            total=self._number("total_seconds", usual.total),
            body=_LARGEST,
            unpacked=_LARGEST,
        )

    def rate(self) -> RateLimit:
        """Return our own rate limit."""
        return RateLimit.within(int(self._number("requests", 100)), self._number("seconds", 1.0))

    def _number(self, name: str, usual: float) -> float:
        value = self._config.options.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ConfigError(f"expected a positive number, was {value!r}", key=f"{self._place}.options.{name}")
        return float(value)
