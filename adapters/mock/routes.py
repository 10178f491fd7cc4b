"""What the mock server's addresses do: from a parsed request to a status and a payload, on the venue's own objects.

Plain functions over `Venue`; sockets, tokens and faults are `server`'s business. The caller holds the venue's lock.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from adapters.mock.advertiser import Advertiser, JobState
from adapters.mock.faults import Fault, FaultKind
from adapters.mock.reports import ReportSpec
from adapters.mock.sheets import write_pages
from adapters.mock.venue import Venue
from adapters.mock.wire import (
    Payload,
    decode_change,
    encode_ad_group,
    encode_campaign,
    encode_outcome,
    encode_product,
    encode_profile,
    encode_settings,
    encode_target,
)
from bidder.core.calendar import DayRange
from bidder.core.change import Change, Outcome, Status
from bidder.core.entities import AccountId, EntityRef
from bidder.core.performance import Grain
from bidder.errors import ContractBroken
from bidder.http import Json, Node

LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request to the API.

    Attributes:
        parts: The path's segments after ``/v1/accounts/ID``.
        fault: What goes wrong with it, where the route itself must know.
    """

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: Node | None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The venue's answer; ``packed`` marks a file that is sent as gzip data."""

    status: int = HTTPStatus.OK
    payload: Payload
    packed: bool = False


class BadRequest(Exception):
    """The request is not understood: 400 with these words, or another status."""

    def __init__(self, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> None:
        self.status = status
        super().__init__(message)


def route(venue: Venue, account: str, asked: Asked) -> Answered:
    """Do what was asked of one account.

    Raises:
        BadRequest: Unknown account, address, or a malformed body.
    """
    advertiser = venue.advertisers.get(account)
    if advertiser is None:
        raise BadRequest(f"there is no account {account}", status=HTTPStatus.NOT_FOUND)
    try:
        answered = _listed(venue, advertiser, asked) or _worked(venue, advertiser, asked)
    except ContractBroken as exc:
        raise BadRequest(str(exc)) from None
    if answered is None:
        raise BadRequest("there is no such address", status=HTTPStatus.NOT_FOUND)
    return answered


def _listed(venue: Venue, advertiser: Advertiser, asked: Asked) -> Answered | None:
    match asked.method, asked.parts:
        case "GET", ():
            return _summary(venue, advertiser)
        case "GET", ("profile",):
            return Answered(payload=encode_profile(advertiser.profile))
        case "GET", (("campaigns" | "ad_groups" | "targets" | "products") as kind,):
            return _listing(venue, advertiser, kind, asked.query)
        case "POST", ("settings",):
            return _settings(venue, advertiser, _body(asked))
        case _:
            return None


def _worked(venue: Venue, advertiser: Advertiser, asked: Asked) -> Answered | None:
    match asked.method, asked.parts:
        case "POST", ("changes",):
            return _changes(venue, advertiser, _body(asked))
        case "POST", ("reports",):
            return _report(venue, advertiser, _body(asked))
        case "GET", ("reports", job):
            return Answered(payload=_job(venue, advertiser, job, asked.fault))
        case "GET", ("reports", job, "pages", number):
            return _page(venue, advertiser, job, number, asked.fault)
        case _:
            return None


def _body(asked: Asked) -> Node:
    if asked.body is None:
        raise BadRequest("a JSON body is missing")
    return asked.body


def _summary(venue: Venue, advertiser: Advertiser) -> Answered:
    shop = advertiser.market.shop
    balance = advertiser.structure(AccountId(shop.key), venue.now).balance
    payload: Payload = {
        "id": shop.key,
        "name": shop.name,
        "currency": shop.currency,
        "time_zone": shop.zone,
        "balance": None if balance is None else str(balance.units()),
    }
    return Answered(payload=payload)


def _listing(venue: Venue, advertiser: Advertiser, kind: str, query: Mapping[str, str]) -> Answered:
    """Return a page; the cursor says nothing to the client."""
    structure = advertiser.structure(AccountId(advertiser.market.shop.key), venue.now)
    rows: Mapping[str, Callable[[], Sequence[Payload]]] = {
        "campaigns": lambda: [encode_campaign(c) for c in structure.campaigns],
        "ad_groups": lambda: [encode_ad_group(g) for g in structure.ad_groups],
        "targets": lambda: [encode_target(t) for t in structure.targets],
        "products": lambda: [encode_product(p) for p in structure.products],
    }
    items = rows[kind]()
    try:
        start = int(base64.urlsafe_b64decode(query["cursor"]).decode()) if "cursor" in query else 0
        limit = min(int(query.get("limit", LARGEST_PAGE)), LARGEST_PAGE)
    except ValueError:
        raise BadRequest("cursor or limit is malformed") from None
    if not (0 <= start <= len(items) and limit > 0):
        raise BadRequest("cursor or limit is out of range")
    end = start + limit
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    page: Sequence[Json] = items[start:end]
    return Answered(payload={"currency": structure.currency, "items": page, "next": following, "total": len(items)})


def _settings(venue: Venue, advertiser: Advertiser, body: Node) -> Answered:
    refs = [_ref(item.text()) for item in body.at("refs").items()]
    return Answered(payload={"settings": [encode_settings(s) for s in advertiser.settings(refs, venue.now)]})


def _changes(venue: Venue, advertiser: Advertiser, body: Node) -> Answered:
    """Carry out changes one by one: 207, with an answer for each."""
    outcomes: list[Outcome] = []
    changes: list[Change] = []
    keys: list[str] = []
    items = list(body.at("changes").items())
    if len(items) > advertiser.rules.batch_size:
        raise BadRequest(f"a request holds at most {advertiser.rules.batch_size} changes")
    for item in items:
        try:
            change, key = decode_change(item)
        except ContractBroken as exc:
            refused = Outcome(key=item.at("key").text(), status=Status.REJECTED, code="MALFORMED", detail=str(exc))
            outcomes.append(refused)
            continue
        changes.append(change)
        keys.append(key)
    outcomes.extend(advertiser.submit(changes, keys, venue.now))
    return Answered(status=HTTPStatus.MULTI_STATUS, payload={"results": [encode_outcome(o) for o in outcomes]})


def _report(venue: Venue, advertiser: Advertiser, body: Node) -> Answered:
    grain = body.at("grain").text()
    if grain not in set(Grain):
        raise BadRequest(f"there is no grain {grain}")
    try:
        days = DayRange(first=body.at("from").day(), last=body.at("to").day())
    except ValueError as exc:
        raise BadRequest(str(exc)) from None
    window = body.at("window_days").integer()
    if window not in advertiser.profile.windows:
        raise BadRequest(f"windows are {advertiser.profile.windows}, not {window}")
    job = advertiser.request_report(ReportSpec(days=days, grain=Grain(grain), window_days=window), venue.now)
    return Answered(status=HTTPStatus.ACCEPTED, payload={"job": job.id})


def _job(venue: Venue, advertiser: Advertiser, job: str, fault: Fault | None) -> Payload:
    state = advertiser.job_state(job, venue.now)
    pages = len(_pages(advertiser, job, fault)) if state is JobState.READY else None
    return {"job": job, "state": state.value, "pages": pages}


def _page(venue: Venue, advertiser: Advertiser, job: str, number: str, fault: Fault | None) -> Answered:
    if advertiser.job_state(job, venue.now) is not JobState.READY:
        raise BadRequest("the report is not ready, or gone", status=HTTPStatus.NOT_FOUND)
    pages = _pages(advertiser, job, fault)
    if not number.isdecimal() or int(number) >= len(pages):
        raise BadRequest("there is no such page", status=HTTPStatus.NOT_FOUND)
    return Answered(payload=pages[int(number)], packed=True)


def _pages(advertiser: Advertiser, job: str, fault: Fault | None) -> list[Payload]:
    late = timedelta(0)
    if fault is not None and fault.kind is FaultKind.STALE_REPORT:
        late = timedelta(hours=float(fault.detail.get("hours", "48")))
    report, known_until = advertiser.fetch_report(job, delay=late)
    return write_pages(report, account=advertiser.market.shop.key, known_until=known_until)


def _ref(text: str) -> EntityRef:
    try:
        return EntityRef.parse(text)
    except ValueError as exc:
        raise BadRequest(str(exc)) from None
