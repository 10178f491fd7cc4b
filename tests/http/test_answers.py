"""Addresses, secrets and the meaning of answers."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest

from bidder.core.change import Status
from bidder.errors import AuthFailed, ConfigError, ContractBroken, RateLimited, Unavailable
from bidder.http import Loss, NoReply, Origin, Reply, Request, decode_json, failure_of, whole_answer
from bidder.secrets import Secret, redact

NOW = datetime(2026, 6, 18, 10, tzinfo=UTC)
TOKEN = Secret("canary-4711")


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    """Build an answer."""
    return Reply(status=status, body=body, request="PUT /bids", headers=headers)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, Status.UNKNOWN),
        (400, Status.REJECTED),
        (404, Status.REJECTED),
        (408, Status.UNKNOWN),
        (409, Status.REJECTED),
        (422, Status.REJECTED),
        (425, Status.UNKNOWN),
        (429, Status.REJECTED),
        (500, Status.UNKNOWN),
        (502, Status.UNKNOWN),
        (503, Status.UNKNOWN),
        (504, Status.UNKNOWN),
    ],
)
def test_status_decides_all_writes_only_where_it_is_definite(status: int, expected: Status) -> None:
    """Every doubt about a write is UNKNOWN."""
    outcomes = whole_answer(reply(status), ["a", "b"])

    assert outcomes is not None
    assert [("a", expected), ("b", expected)] == [(o.key, o.status) for o in outcomes]


@pytest.mark.parametrize("loss", list(Loss))
def test_lost_answer_is_unknown_unless_nothing_was_sent(loss: Loss) -> None:
    """Only a connection that never stood proves that a write did not happen."""
    outcomes = whole_answer(NoReply(loss=loss, detail="why"), ["a"])

    assert outcomes is not None
    assert (Status.REJECTED if loss is Loss.NOT_SENT else Status.UNKNOWN) is outcomes[0].status


def test_success_leaves_the_items_to_the_adapter() -> None:
    """A 2xx proves nothing by itself: the items follow."""
    assert whole_answer(reply(207), ["a"]) is None


@pytest.mark.parametrize("status", [401, 403])
def test_denied_write_halts_the_account(status: int) -> None:
    """Refused credentials are for a person to look at."""
    with pytest.raises(AuthFailed):
        whole_answer(reply(status), ["a"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200), type(None)),
        (reply(301), Unavailable),
        (reply(401), AuthFailed),
        (reply(404), ContractBroken),
        (reply(408), Unavailable),
        (reply(429), RateLimited),
        (reply(500), Unavailable),
        (NoReply(loss=Loss.CUT, detail="broke"), Unavailable),
    ],
)
def test_answer_to_a_read_means_what_the_cycle_does(answer: Reply | NoReply, kind: type) -> None:
    """Each answer is one reaction."""
    assert kind is type(failure_of(answer, now=NOW))


def test_retry_date_is_measured_on_the_venues_own_clock() -> None:
    """A machine whose clock is off waits as long as the venue meant."""
    throttled = reply(429, b"", date="Thu, 18 Jun 2026 09:00:00 GMT")
    throttled = Reply(status=429, headers={**throttled.headers, "retry-after": "Thu, 18 Jun 2026 09:00:30 GMT"})
    error = failure_of(throttled, now=NOW)

    assert isinstance(error, RateLimited)
    assert 30.0 == error.after


def test_venues_words_come_without_secrets_and_control_characters() -> None:
    """A venue that echoes our token, or forges a log line, gets neither into a message."""
    body = b'{"message": "token canary-4711 is bad\n2026-01-01 ERROR forged\x1b[31m"}'
    error = failure_of(reply(500, body), now=NOW, secrets=[TOKEN])
    outcome = (whole_answer(reply(422, body), ["a"], secrets=[TOKEN]) or ())[0]

    for text in (str(error), outcome.detail):
        assert "canary-4711" not in text
        assert text.isprintable()
        assert "token *** is bad" in text


def test_page_of_html_is_not_quoted() -> None:
    """A proxy's page is named, not copied into the log."""
    assert str(failure_of(reply(502, b"<html><p>Bad</p>"), now=NOW)).endswith("with a page of HTML")


def test_html_with_status_200_is_no_answer() -> None:
    """A captive portal's page is not a report."""
    with pytest.raises(ContractBroken, match="HTML"):
        decode_json(reply(200, b"<html>"))


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example.com",
        "http://127.0.0.1:8000",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "https://user:pass@api.example.com",
        "https://api.example.com/?token=1",
        "https://api.example.com/#x",
        "https://api.example.com:port",
    ],
)
def test_unsafe_base_address_is_refused(address: str) -> None:
    """Tokens never leave in the clear, and addresses hold no secrets."""
    with pytest.raises(ConfigError) as caught:
        Origin.parse(address)

    assert "base_url" == caught.value.key


def test_plain_http_is_for_this_machine_and_on_request() -> None:
    """A mock server on loopback can be spoken to, a machine elsewhere cannot."""
    assert "http://127.0.0.1:8000/v1" == Origin.parse("http://127.0.0.1:8000/v1/", insecure_loopback=True).url
    assert "http://[::1]:8000" == Origin.parse("http://[::1]:8000", insecure_loopback=True).url
    with pytest.raises(ConfigError, match="in the clear"):
        Origin.parse("http://10.0.0.1", insecure_loopback=True)


def test_secret_shows_itself_to_nobody() -> None:
    """However it is looked at, a secret stays one."""
    looks = [repr(TOKEN), str(TOKEN), f"{TOKEN}", f"{TOKEN:>8}", "%s" % TOKEN, json.dumps([TOKEN], default=str)]  # noqa: UP031

    assert not [look for look in looks if "canary" in look]
    assert "canary-4711" == TOKEN.reveal()
    with pytest.raises(TypeError):
        pickle.dumps(TOKEN)


def test_secrets_compare_by_value_and_drop_white_space() -> None:
    """The newline at the end of a secret's file is not part of it."""
    assert TOKEN == Secret(" canary-4711\n")
    assert "canary-4711" != TOKEN
    assert not Secret("\n")


def test_known_secrets_are_masked_longest_first() -> None:
    """A secret that holds another one leaves no rest."""
    assert "a *** b ***" == redact("a canary-4711-long b canary-4711", [TOKEN, Secret("canary-4711-long"), Secret("a")])


def test_request_prints_without_headers_and_body() -> None:
    """A logged request holds no token."""
    request = Request.of_form("/token", {"refresh_token": TOKEN})

    assert b"refresh_token=canary-4711" == request.body
    assert "canary" not in f"{request!r} {request}"


@pytest.mark.parametrize("name", ["X-A\r\nX-B", "X-A"])
def test_header_cannot_smuggle_another(name: str) -> None:
    """A header with a line break is refused before anything is sent."""
    with pytest.raises(ValueError, match="printable ASCII"):
        Request(method="GET", path="/", headers={name: "v\r\nX-C: 1"})
