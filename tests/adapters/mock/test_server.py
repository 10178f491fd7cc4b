"""The server's manners: tokens, pages, the rate limit, report jobs, the referee's back door, its clock."""

from __future__ import annotations

import json
import threading
import tomllib
from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest

from adapters.conformance import DictMemory
from adapters.mock import MockWorlds, client
from adapters.mock.adapter import MockMarketplace
from adapters.mock.gate import Credentials, TokenOffice
from adapters.mock.rules import VenueRules
from adapters.mock.server import MockServer
from adapters.mock.worlds import WallClock
from bidder.core.calendar import DayRange, day_of
from bidder.core.change import Field, Status
from bidder.core.entities import EntityKind, EntityRef
from bidder.core.money import Money
from bidder.core.performance import Grain, Pending, PerformanceReport
from bidder.errors import AuthFailed, ConfigError, ContractBroken, InputError
from bidder.ports import AdapterConfig
from bidder.rehearsal import RehearsalMarketplace
from bidder.secrets import Secret
from tests.adapters.mock.venues import account_in, change, connect, secrets_of, serving, small_venue
from tests.http.fakes import FakeTicker

BID = change(EntityKind.TARGET, "T0001", Field.BID, Money(1_230_000, "CNY"))


def admin(server: MockServer, method: str, path: str, body: object = None, *, token: str | None = None) -> object:
    """Use the back door."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(server.url + path, data=data, method=method)  # noqa: S310  # the test's own server
    request.add_header("X-Admin-Token", server.admin_token if token is None else token)
    with urlopen(request, timeout=5) as answer:  # noqa: S310  # the test's own server
        return json.loads(answer.read())


def test_expired_token_is_renewed_once_for_sixteen_threads() -> None:
    """All threads meet the end of the token; the venue sees one refresh, and every read succeeds."""
    clock = FakeTicker()
    with serving(clock=clock.monotonic) as server:
        market, account = connect(server), account_in(server.venue)
        market.profile(server.venue.now)
        clock.time += 4000
        found: list[int] = []
        barrier = threading.Barrier(16)

        def look() -> None:
            barrier.wait()
            found.append(len(market.fetch_structure(account.id, server.venue.now).targets))

        threads = [threading.Thread(target=look) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 16 == len(found)
        assert 2 == server.stage.office.refreshes
        market.close()


def test_rotated_refresh_token_is_kept_for_the_next_start() -> None:
    """After a restart the adapter goes on with the token that the venue gave last."""
    memory = DictMemory()
    with serving() as server:
        for _ in range(3):
            market = connect(server, memory)
            market.profile(server.venue.now)
            market.close()

        assert 3 == server.stage.office.refreshes


def test_refresh_token_works_until_its_successor_was_used() -> None:
    """A client that never heard the answer can ask again; after the new one was used the old one is void."""
    keys = Credentials.new()
    office = TokenOffice(keys, FakeTicker().monotonic)

    def ask(token: str) -> str | None:
        grant = office.refresh(keys.client_id, keys.client_secret, token)
        return None if grant is None else str(grant["refresh_token"])

    lost, heard = ask(keys.refresh_token), ask(keys.refresh_token)
    assert lost is not None
    assert heard is not None
    following = ask(heard)

    assert following is not None
    assert ask(keys.refresh_token) is None
    assert ask(lost) is None
    assert ask(following) is not None


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token"])
def test_wrong_credentials_fail_before_anything_is_sent(name: str) -> None:
    """A write with credentials that the venue does not know raises and reaches nothing."""
    with serving() as server:
        config = AdapterConfig(
            account=account_in(server.venue),
            options={"base_url": server.url},
            secrets={**secrets_of(server), name: Secret("wrong-4711")},
            memory=DictMemory(),
        )
        market = MockMarketplace(config)

        with pytest.raises(AuthFailed, match="connect the account again") as caught:
            market.submit(config.account.id, [BID], ["k"], server.venue.now)

        assert "wrong-4711" not in str(caught.value)
        assert {"/oauth/token"} == {seen.path for seen in server.seen}
        market.close()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pages_of_any_size_hold_everything_once(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pages, the structure is the same."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        whole = market.fetch_structure(account.id, server.venue.now)
        monkeypatch.setattr(client, "_PAGE", size)

        assert whole == market.fetch_structure(account.id, server.venue.now)
        market.close()


def test_rate_limit_of_the_venue_is_never_passed() -> None:
    """With our own limit below the venue's, four threads and two adapters of one memory meet no 429."""
    memory = DictMemory()
    with serving(VenueRules(requests=20, seconds=1.0)) as server:
        markets = [connect(server, memory, requests=14, seconds=1.0) for _ in range(2)]

        def look(market: MockMarketplace) -> None:
            for _ in range(8):
                market.profile(server.venue.now)

        threads = [threading.Thread(target=look, args=(markets[n % 2],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 32 == sum(seen.path.endswith("/profile") for seen in server.seen)
        assert 0 == server.stage.turnstile.refused
        for market in markets:
            market.close()


def test_venue_refuses_what_is_too_fast_and_the_adapter_waits() -> None:
    """Without a limit of our own the venue's 429s are waited for, and the reads succeed."""
    with serving(VenueRules(requests=5, seconds=0.2)) as server:
        market = connect(server)
        for _ in range(12):
            market.profile(server.venue.now)

        assert server.stage.turnstile.refused > 0
        market.close()


def test_report_job_survives_a_restart() -> None:
    """A new adapter object over the same memory goes on waiting for the report that was asked for."""
    memory = DictMemory()
    with serving(VenueRules(report_time=timedelta(minutes=30))) as server:
        venue, account = server.venue, account_in(server.venue)
        days = DayRange.ending(day_of(venue.now, account.time_zone), days=2)

        def ask() -> PerformanceReport | Pending:
            market = connect(server, memory)
            answer = market.fetch_performance(account.id, days, Grain.DAY, 15, venue.now)
            market.close()
            return answer

        first, second = ask(), ask()
        venue.advance(venue.now + timedelta(minutes=30))
        report = ask()

        assert isinstance(first, Pending)
        assert first == second
        assert isinstance(report, PerformanceReport)
        assert 1 == sum((s.method, s.path[-8:]) == ("POST", "/reports") for s in server.seen)
        assert isinstance(ask(), Pending), "a report that was read is asked for anew"


def test_report_that_the_venue_threw_away_is_asked_for_again() -> None:
    """A job that ended while nobody looked costs a new request, not the account."""
    memory = DictMemory()
    rules = VenueRules(report_time=timedelta(minutes=30), report_life=timedelta(hours=2))
    with serving(rules) as server:
        venue, account = server.venue, account_in(server.venue)
        market = connect(server, memory)
        days = DayRange.ending(day_of(venue.now, account.time_zone), days=2)
        first = market.fetch_performance(account.id, days, Grain.DAY, 15, venue.now)
        venue.advance(venue.now + timedelta(hours=3))
        second = market.fetch_performance(account.id, days, Grain.DAY, 15, venue.now)

        assert isinstance(first, Pending)
        assert isinstance(second, Pending)
        assert first.job != second.job
        market.close()


def test_newer_question_replaces_an_older_one() -> None:
    """Days asked for in vain leave nothing behind in the memory."""
    memory = DictMemory()
    with serving(VenueRules(report_time=timedelta(minutes=30))) as server:
        venue, account = server.venue, account_in(server.venue)
        market, today = connect(server, memory), day_of(venue.now, account.time_zone)
        for count in (1, 2, 3):
            market.fetch_performance(account.id, DayRange.ending(today, days=count), Grain.DAY, 15, venue.now)
        market.close()

        assert "3" in str(memory.get("mock.report.day"))
        assert memory.get("mock.report.hour") is None


def test_rehearsal_over_the_wire_sends_nothing() -> None:
    """Reads pass, every write is withheld, and the venue sees no POST of changes."""
    with serving() as server:
        inner, account = connect(server), account_in(server.venue)
        market = RehearsalMarketplace(inner)
        structure = market.fetch_structure(account.id, server.venue.now)
        assert structure == inner.fetch_structure(account.id, server.venue.now)
        assert market.profile(server.venue.now) == inner.profile(server.venue.now)

        outcomes = market.submit(account.id, [BID, BID], ["a", "b"], server.venue.now)

        assert [("a", Status.WITHHELD, "REHEARSAL"), ("b", Status.WITHHELD, "REHEARSAL")] == [
            (o.key, o.status, o.code) for o in outcomes
        ]
        assert not [seen for seen in server.seen if "/changes" in seen.path]
        assert (
            structure.targets[0].bid == market.read_back(account.id, [BID.ref], server.venue.now)[0].values[Field.BID]
        )
        market.close()


def test_back_door_shows_history_and_moves_time() -> None:
    """A referee reads what really happened, lets others edit, queues faults and moves the clock."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        market.submit(account.id, [BID], ["k1"], server.venue.now)
        edit = {"account": account.remote_id, "ref": "campaign:C01", "field": "daily_budget", "factor": 1.5,
                "editor": "platform"}  # fmt: skip
        admin(server, "POST", "/admin/edits", edit)
        before = server.venue.now
        admin(server, "POST", "/admin/advance", {"hours": 2})
        admin(server, "POST", "/admin/faults", {"kind": "error_before", "path": "/profile", "times": 3})
        admin(server, "DELETE", "/admin/faults")
        market.profile(server.venue.now)

        history = admin(server, "GET", "/admin/history")
        assert isinstance(history, dict)
        truth = history["accounts"][account.remote_id]
        assert [("target:T0001", "k1"), ("campaign:C01", None)] == [(c["ref"], c["key"]) for c in truth["changes"]]
        assert ["daemon", "platform"] == [c["editor"] for c in truth["changes"]]
        assert {"amount": "1.23", "currency": "CNY"} == truth["changes"][0]["new"]
        assert ["k1"] == [attempt["key"] for attempt in truth["attempts"]]
        assert {"now": (before + timedelta(hours=2)).isoformat()} == admin(server, "GET", "/admin/clock")
        market.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/admin/nothing", None, 404),
        ("POST", "/admin/advance", {}, 400),
        ("POST", "/admin/faults", {"kind": "plague"}, 400),
        ("POST", "/admin/edits", {"account": "x"}, 400),
    ],
)
def test_back_door_refuses_what_it_does_not_know(method: str, path: str, body: object, status: int) -> None:
    """A typo of a test is an error, not a fault that never comes."""
    with serving() as server:
        with pytest.raises(OSError, match=str(status)):
            admin(server, method, path, body)
        with pytest.raises(OSError, match="403"):
            admin(server, method, path, body, token="guess")


def test_listens_on_this_machine_only() -> None:
    """Nobody on the network can speak to a mock."""
    with pytest.raises(ValueError, match="this machine only"):
        MockServer(small_venue(history_days=1), host="0.0.0.0")  # noqa: S104  # it is refused


def test_closing_twice_or_unserved_is_fine() -> None:
    """A server that never served can be closed, and one that did, twice."""
    MockServer(small_venue(history_days=1)).close()
    with serving() as server:
        server.close()


def test_clock_follows_the_real_one_at_its_speed() -> None:
    """Virtual time is real time, times the speed."""
    ticker, start = FakeTicker(), datetime(2026, 6, 18, tzinfo=UTC)
    clock = WallClock(start, speed=60, monotonic=ticker.monotonic)
    ticker.time += 90

    assert start + timedelta(minutes=90) == clock()
    with pytest.raises(InputError):
        WallClock(start, speed=0)


def test_served_world_lives_in_the_present() -> None:
    """What `bidder mock serve` shows ends now, and its time goes on by itself."""
    server = MockWorlds().server("general", seed=3, scale=0.1, history_days=2)
    with server:
        market, account = connect(server), account_in(server.venue)
        now = datetime.now(UTC)
        days = DayRange.ending(day_of(now, account.time_zone), days=3)
        report = market.fetch_performance(account.id, days, Grain.DAY, 15, now)

        assert isinstance(report, PerformanceReport)
        assert len(report.facts) > 0
        assert timedelta(0) <= now - report.observed_at < timedelta(minutes=1)
        market.close()


def test_greeting_is_a_configuration_that_works() -> None:
    """What the server prints can be copied: the account reads as TOML, the secrets as shell."""
    told: list[str] = []

    class Once(MockWorlds):
        def server(self, preset: str, **rest: object) -> MockServer:
            server = super().server(preset, history_days=1, **rest)  # type: ignore[arg-type]
            server.serve_forever = lambda: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
            return server

    Once().serve("general", seed=3, port=0, speed=60.0, scale=0.1, told=told.append)
    table = tomllib.loads("\n".join(line for line in told if line.startswith("[") or " = " in line))
    ((name, account),) = table["accounts"].items()
    exported = dict(line.removeprefix("export ").split("=", 1) for line in told if line.startswith("export "))

    assert ("general-3", "mock", "CNY") == (name, account["adapter"], account["currency"])
    assert {reference.removeprefix("env:") for reference in account["secrets"].values()} == set(exported)
    assert any("60 times as fast" in line for line in told)
    assert "closed" in told[-1]


@pytest.mark.parametrize(
    ("options", "secrets", "key"),
    [
        ({"base_url": "http://127.0.0.1:1", "base_ulr": "x"}, True, "base_ulr"),
        ({"base_url": 7}, True, "base_url"),
        ({"base_url": "http://example.com"}, True, "base_url"),
        ({"base_url": "http://127.0.0.1:1", "read_seconds": 0}, True, "read_seconds"),
        ({"base_url": "http://127.0.0.1:1", "requests": "many"}, True, "requests"),
        ({"base_url": "http://127.0.0.1:1"}, False, "client_id"),
        ({"preset": "toys"}, False, "preset"),
        ({"sede": 3}, False, "sede"),
    ],
)
def test_unusable_configuration_names_its_key(options: dict[str, object], secrets: bool, key: str) -> None:  # noqa: FBT001
    """A typo, a missing secret or an unsafe address refuses to start."""
    known = {name: Secret("x") for name in ("client_id", "client_secret", "refresh_token")} if secrets else {}
    account = account_in(small_venue(history_days=1))

    with pytest.raises(ConfigError) as caught:
        MockMarketplace(AdapterConfig(account=account, options=options, secrets=known, memory=DictMemory()))

    assert caught.value.key is not None
    assert key in caught.value.key


def test_account_in_another_currency_is_not_believed() -> None:
    """A venue whose amounts are not the account's stops it at the first read."""
    with serving() as server:
        account = account_in(server.venue)
        config = AdapterConfig(
            account=type(account)(
                id=account.id,
                adapter="mock",
                remote_id=account.remote_id,
                owner="me",
                currency="USD",
                time_zone=account.time_zone,
            ),
            options={"base_url": server.url},
            secrets=secrets_of(server),
            memory=DictMemory(),
        )
        market = MockMarketplace(config)

        with pytest.raises(ContractBroken, match="expected USD, was CNY"):
            market.fetch_structure(account.id, server.venue.now)
        market.close()


def test_entities_that_are_gone_are_left_out_of_a_read_back() -> None:
    """A read-back answers for what there is."""
    with serving() as server:
        market, account = connect(server), account_in(server.venue)
        refs = [EntityRef(EntityKind.TARGET, "T9999"), EntityRef(EntityKind.TARGET, "T0002")]

        assert [refs[1]] == [settings.ref for settings in market.read_back(account.id, refs, server.venue.now)]
        assert () == market.read_back(account.id, [], server.venue.now)
        market.close()
