"""What the session does with venues that answer, fail, stall and lie."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from bidder.errors import AuthFailed, ContractBroken, RateLimited, Unavailable
from bidder.http import (
    Grant,
    HttpSession,
    Limits,
    Loss,
    NoReply,
    Origin,
    PublicHosts,
    RateLimit,
    RateLimiter,
    Reply,
    Request,
    TokenKeeper,
)
from bidder.secrets import Secret
from tests.http.fakes import DictMemory, FakeTicker
from tests.http.servers import Line, Script, Seen, Venue, answer, in_turn, message, serve

HASTY = Limits(connect=5, read=0.4, total=1.2)
"""For venues that keep us waiting: nothing that a busy machine does in time may be needed under it."""
PATIENT = Limits(connect=20, read=20, total=40)
GET = Request(method="GET", path="/things")
PUT = Request.of_json("PUT", "/things", {"bid": "1.00"})


def session(venue: Venue, limits: Limits = PATIENT, **rest: object) -> HttpSession:
    """Open a session with a test server."""
    rest.setdefault("ticker", FakeTicker())
    return HttpSession(Origin.parse(venue.url, insecure_loopback=True), limits=limits, **rest)  # type: ignore[arg-type]


def _silent(_seen: Seen, line: Line) -> None:
    line.hang()


def _reset(_seen: Seen, line: Line) -> None:
    line.reset()


def _short(_seen: Seen, line: Line) -> None:
    line.send(message(200, b"{}", length=100))
    line.reset()


def _cut_head(_seen: Seen, line: Line) -> None:
    line.send(b"HTTP/1.1 200 X\r\nX-Part: 1\r\n")
    line.finish()


def _drip_head(_seen: Seen, line: Line) -> None:
    line.drip(message(200, b"{}", {f"x-{n}": "y" * 50 for n in range(50)}))


def _drip_body(_seen: Seen, line: Line) -> None:
    line.send(message(200, b"", length=4000))
    line.drip(b" " * 4000)


def _drip_chunks(_seen: Seen, line: Line) -> None:
    line.send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    line.drip(b"1\r\nx\r\n" * 500)


def _bad_gzip(_seen: Seen, line: Line) -> None:
    line.send(message(200, gzip.compress(b"{}" * 900)[:-9], {"Content-Encoding": "gzip"}))


def _unasked_encoding(_seen: Seen, line: Line) -> None:
    line.send(message(200, b"xxxx", {"Content-Encoding": "br"}))


def _no_http(_seen: Seen, line: Line) -> None:
    line.send(b"rubbish\r\n\r\n")
    line.reset()


BROKEN: dict[str, tuple[Script, Loss]] = {
    "silence": (_silent, Loss.TIMEOUT),
    "reset": (_reset, Loss.CUT),
    "short body": (_short, Loss.CUT),
    "head cut between two lines": (_cut_head, Loss.CUT),
    "dripping head": (_drip_head, Loss.DEADLINE),
    "dripping body": (_drip_body, Loss.DEADLINE),
    "dripping chunks": (_drip_chunks, Loss.DEADLINE),
    "cut gzip": (_bad_gzip, Loss.UNREADABLE),
    "unasked encoding": (_unasked_encoding, Loss.UNREADABLE),
    "no http": (_no_http, Loss.CUT),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_answer_to_a_write_is_data_and_sent_once(kind: str) -> None:
    """A write without a whole answer is neither raised, nor failed, nor repeated."""
    script, loss = BROKEN[kind]
    with serve(script) as venue, session(venue, HASTY) as http:
        outcome = http.write(PUT)

        assert isinstance(outcome, NoReply)
        assert (loss, True) == (outcome.loss, outcome.sent)
        assert ["PUT"] == [seen.method for seen in venue.seen]


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_answer_to_a_read_makes_the_venue_unavailable(kind: str) -> None:
    """A read without a whole answer ends as Unavailable, whatever broke."""
    script, _ = BROKEN[kind]
    with serve(script) as venue, session(venue, HASTY) as http, pytest.raises(Unavailable):
        http.read(GET)


def test_read_is_tried_again_and_succeeds() -> None:
    """A passing fault costs a retry, not a cycle."""
    ticker = FakeTicker()
    with serve(in_turn(answer(503), answer(200, b"[1]"))) as venue, session(venue, ticker=ticker) as http:
        reply = http.read(GET)

        assert b"[1]" == reply.body
        assert [0.5] == ticker.slept


def test_retries_stay_within_a_tenth_of_the_requests() -> None:
    """A venue that always fails is asked at most 1.1 times as often as it was meant to be."""
    with serve(answer(500)) as venue, session(venue, Limits(total=10)) as http:
        for _ in range(200):
            with pytest.raises(Unavailable):
                http.read(GET)

        assert 200 < len(venue.seen) <= 220


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_read_that_the_venue_does_not_understand_breaks_the_contract(status: int) -> None:
    """A definite refusal of a read is for a person to look at, and is not tried again."""
    with serve(answer(status, b'{"message": "no such field"}')) as venue, session(venue) as http:
        with pytest.raises(ContractBroken, match="no such field"):
            http.read(GET)

        assert 1 == len(venue.seen)


def test_redirect_is_not_followed() -> None:
    """A redirect would carry our token headers to another host."""
    with serve(answer(200)) as other, serve(answer(302, b"", Location=other.url)) as venue, session(venue) as http:
        with pytest.raises(Unavailable, match="302"):
            http.read(GET)
        written = http.write(PUT)

        assert isinstance(written, Reply)
        assert 302 == written.status
        assert [] == other.seen


def test_short_throttling_is_waited_for_once() -> None:
    """A 429 with a short Retry-After is waited for in place, the second one is raised."""
    ticker = FakeTicker()
    script = answer(429, b"", Retry_After="3")
    limits = Limits(total=60)
    with serve(script) as venue, session(venue, limits, ticker=ticker) as http:
        with pytest.raises(RateLimited) as caught:
            http.read(GET)

        assert 3.0 == caught.value.after
        assert [3.0] == ticker.slept
        assert 2 == len(venue.seen)


def test_long_throttling_is_not_waited_for_in_place() -> None:
    """A venue that wants to be left alone for a day holds up one account for at most five minutes at a time."""
    ticker = FakeTicker()
    with serve(answer(429, b"", Retry_After="86400")) as venue, session(venue, ticker=ticker) as http:
        with pytest.raises(RateLimited) as caught:
            http.read(GET)

        assert 300.0 == caught.value.after
        assert [] == ticker.slept


def test_own_rate_limit_stops_before_the_venue_has_to() -> None:
    """Requests beyond the stated rate wait; beyond our patience they are not sent."""
    ticker, memory = FakeTicker(), DictMemory()
    limiter = RateLimiter(RateLimit(per_second=0.01), memory, ticker)
    with serve(answer()) as venue, session(venue, ticker=ticker, limiter=limiter) as http:
        http.read(GET)
        with pytest.raises(RateLimited):
            http.read(GET)
        written = http.write(PUT)

        assert isinstance(written, NoReply)
        assert Loss.NOT_SENT is written.loss
        assert 1 == len(venue.seen)


def test_refused_connection_proves_that_nothing_was_sent() -> None:
    """Where no connection stood, a write has certainly not happened."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    http = HttpSession(Origin.parse(f"http://127.0.0.1:{port}", insecure_loopback=True), limits=PATIENT)

    outcome = http.write(PUT)

    assert isinstance(outcome, NoReply)
    assert not outcome.sent
    http.close()


def test_body_larger_than_allowed_is_not_kept() -> None:
    """A body past the bound is given up, packed or unpacked."""
    small = Limits(body=1000, unpacked=2000)
    bomb = gzip.compress(b"0" * 500_000)
    assert len(bomb) < 1000
    for script in (answer(200, b"x" * 1001), answer(200, bomb, Content_Encoding="gzip")):
        with serve(script) as venue, session(venue, small) as http:
            outcome = http.write(PUT)

            assert isinstance(outcome, NoReply)
            assert Loss.TOO_LARGE is outcome.loss


def test_gzip_body_is_unpacked() -> None:
    """A body within the bounds comes unpacked."""
    with serve(answer(200, gzip.compress(b'{"a":1}'), Content_Encoding="gzip")) as venue, session(venue) as http:
        assert b'{"a":1}' == http.read(GET).body


def test_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a .netrc nor proxy variables of the user touch our requests."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serve(answer()) as venue, session(venue, headers={"Authorization": Secret("Bearer ours")}) as http:
        http.read(GET)

        assert "Bearer ours" == venue.seen[0].headers["authorization"]


def test_cookies_are_not_kept() -> None:
    """Each request stands alone: a venue cannot tie them with a cookie."""
    with serve(answer(200, b"{}", Set_Cookie="id=1")) as venue, session(venue) as http:
        http.read(GET)
        http.read(GET)

        assert "cookie" not in venue.seen[1].headers


def test_expired_token_is_renewed_once_for_a_read() -> None:
    """A 401 on a read costs one refresh; a second 401 halts the account."""
    tokens = TokenKeeper(Secret("refresh"), _Grants(), DictMemory(), FakeTicker())
    with serve(in_turn(answer(401), answer(200))) as venue, session(venue, tokens=tokens) as http:
        http.read(GET)

        assert ["Bearer access-1", "Bearer access-2"] == [seen.headers["authorization"] for seen in venue.seen]

    with serve(answer(401)) as venue, session(venue, tokens=tokens) as http:
        with pytest.raises(AuthFailed):
            http.read(GET)

        assert 2 == len(venue.seen)


def test_refused_write_is_not_sent_again_with_another_token() -> None:
    """A 401 on a write is an answer like any other."""
    tokens = TokenKeeper(Secret("refresh"), _Grants(), DictMemory(), FakeTicker())
    with serve(answer(401)) as venue, session(venue, tokens=tokens) as http:
        written = http.write(PUT)

        assert isinstance(written, Reply)
        assert 401 == written.status
        assert 1 == len(venue.seen)


def test_download_carries_none_of_our_headers() -> None:
    """Report files lie with strangers: they get no token and no client id."""
    with serve(answer(200, b"file")) as venue:
        with session(venue, headers={"X-Client": "us", "Access-Token": Secret("secret-token")}) as http:
            assert b"file" == http.download(f"{venue.url}/report.gz")

        assert not {"x-client", "access-token", "authorization"} & venue.seen[0].headers.keys()


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example.com/r",
        "https://files.example.com.evil.test/r",
        "https://user:pass@files.example.com/r",
        "https://evil.test/files.example.com",
        "file:///etc/passwd",
        "https://[::1",
        "//files.example.com/r",
    ],
)
def test_download_from_an_address_outside_the_list_is_refused(url: str) -> None:
    """A venue, or who speaks for it, cannot send us elsewhere."""
    origin = Origin.parse("https://api.example.com")
    http = HttpSession(origin, downloads=PublicHosts(("files.example.com", ".cdn.example.com"), origin))

    with pytest.raises(ContractBroken):
        http.download(url)


def test_name_that_leads_into_the_own_network_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine actually reached is checked, so that a rebound name gains nothing."""
    with serve(answer(200, b"inside")) as venue:
        origin = Origin.parse("https://api.example.com")
        downloads = PublicHosts(("files.example.com",), origin)
        home = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", venue.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: home)
        http = HttpSession(origin, limits=PATIENT, ticker=FakeTicker(), downloads=downloads)
        with http, pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            http.download(f"https://files.example.com:{venue.port}/r")

        assert [] == venue.seen


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a self-signed certificate for 127.0.0.1, key and all in one file."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("the program openssl is not installed: no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    made = [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2"]
    made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return both


def test_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    """Verification is always on, and a write to an impostor was certainly not sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve(answer(200, b"[]"), tls=context) as venue:
        origin = Origin.parse(venue.url)
        with HttpSession(origin, limits=PATIENT) as http:
            outcome = http.write(PUT)
        with HttpSession(origin, limits=PATIENT, ca_bundle=certificate) as trusting:
            reply = trusting.read(GET)

        assert isinstance(outcome, NoReply)
        assert not outcome.sent
        assert b"[]" == reply.body
        assert ["GET"] == [seen.method for seen in venue.seen]


class _Grants:
    """Gives access-1, access-2, ..."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _refresh: Secret) -> Grant:
        self.count += 1
        return Grant(access=Secret(f"access-{self.count}"), expires_in=3600)
