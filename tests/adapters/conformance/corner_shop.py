"""The imaginary venue of docs/examples/tiny_adapter.py, with the faults the conformance suite asks for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from adapters.conformance import WireFault
from tests.http.servers import Line, Seen, message, serve

KEY = "corner-shop-key-4711"
Ad = dict[str, str]


@dataclass
class CornerShopVenue:
    """Three campaigns, a fixed history, and whatever is wrong at the moment.

    Attributes:
        today: The last day of the history.
    """

    today: date
    url: str = ""
    ads: dict[str, Ad] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    fault: WireFault | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for number in range(1, 4):
            name = f"ad-{number}"
            self.ads[name] = {
                "id": name,
                "title": f"Schöne Sachen {number}",
                "state": "enabled",
                "daily_budget": f"{number * 10}",
                "bid": f"0.{number}5",
            }

    def answer(self, seen: Seen, line: Line) -> None:
        """Play one request."""
        parts = urlsplit(seen.path)
        with self.lock:
            fault = self.fault
            self.requests.append((seen.method, parts.path))
            write = parts.path == "/changes"
            if self._refused(fault, line, write=write):
                return
            if seen.headers.get("api-key") != KEY:
                line.send(message(401, b"{}"))
                return
            if write:
                body: dict[str, object] = {**self._changed(json.loads(seen.body))}
            elif parts.path == "/ads":
                body = {"ads": [self._shown(ad, fault) for ad in self.ads.values()]}
            else:
                query = parse_qs(parts.query)
                body = self._stats(date.fromisoformat(query["from"][0]), date.fromisoformat(query["to"][0]))
        if write and fault is WireFault.LOST_WRITE:
            line.hang()
        elif write and fault is WireFault.BROKEN_WRITE:
            line.send(message(500, b"oops"))
        elif fault is (WireFault.RUBBISH_WRITE if write else WireFault.RUBBISH_READ):
            line.send(message(200, b"<html>Welcome</html>"))
        else:
            line.send(message(200, json.dumps(body).encode()))

    def _refused(self, fault: WireFault | None, line: Line, *, write: bool) -> bool:
        status = {WireFault.DENY: 401, WireFault.FORBID: 403, WireFault.THROTTLE: 429}
        if fault in status:
            line.send(message(status[fault], b'{"say": "no"}', {"Retry-After": "600"}))
        elif fault is WireFault.BROKEN_READ and not write:
            line.send(message(503, b""))
        elif fault is WireFault.SILENT_WRITE and write:
            self.lock.release()
            line.hang()
            self.lock.acquire()
        else:
            return False
        return True

    def _shown(self, ad: Ad, fault: WireFault | None) -> Ad:
        return {**ad, "state": "under_review"} if fault is WireFault.NEW_STATE else ad

    def _changed(self, asked: dict[str, list[Ad]]) -> dict[str, list[Ad]]:
        results = []
        for item in asked["changes"]:
            ad = self.ads.get(item["ad"])
            if ad is None:
                results.append({"key": item["key"], "error": f"there is no ad {item['ad']}"})
                continue
            ad.update({name: value for name, value in item.items() if name in ad})
            results.append({"key": item["key"]})
        return {"results": results}

    def _stats(self, first: date, last: date) -> dict[str, object]:
        rows = []
        total = Decimal(0)
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
            if day > self.today:
                continue
            for number, name in enumerate(self.ads, start=1):
                clicks = (day.toordinal() * number) % 7
                spend = Decimal("0.21") * clicks
                total += spend
                rows.append({
                    "ad": name, "day": day.isoformat(), "impressions": clicks * 11 + 3, "clicks": clicks,
                    "orders": clicks // 4, "spend": str(spend), "revenue": str(Decimal("19.90") * (clicks // 4)),
                })  # fmt: skip
        return {"rows": rows, "total_spend": str(total)}


class CornerShopFaults:
    """Plays the conformance suite's faults."""

    def __init__(self, venue: CornerShopVenue) -> None:
        self._venue = venue

    @property
    def kinds(self) -> frozenset[WireFault]:
        """It can play all of them."""
        return frozenset(WireFault)

    def arm(self, kind: WireFault) -> None:
        """Play a fault until `clear`."""
        self._venue.fault = kind
        self._venue.requests.clear()

    def clear(self) -> None:
        """Be well again."""
        self._venue.fault = None

    def reads(self) -> int:
        """Count GETs."""
        return sum(method == "GET" for method, _ in self._venue.requests)

    def writes(self) -> int:
        """Count POSTs."""
        return sum(method == "POST" for method, _ in self._venue.requests)


@contextmanager
def corner_shop(today: date) -> Iterator[CornerShopVenue]:
    """Run the venue for the time of the block."""
    venue = CornerShopVenue(today=today)
    with serve(venue.answer) as server:
        venue.url = server.url
        yield venue
