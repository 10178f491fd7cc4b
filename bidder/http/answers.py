"""From an answer to what the cycle does about it: errors for reads, outcomes for writes.

A status is definite only where it proves that nothing was done; every doubt about a write is UNKNOWN and is settled
by reading, never by sending again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from bidder.core.change import Outcome, Status
from bidder.errors import AuthFailed, ContractBroken, MarketplaceError, RateLimited, Unavailable
from bidder.http.exchange import NoReply, Reply
from bidder.http.limits import parse_retry_after
from bidder.http.payload import Node, parse_json
from bidder.secrets import Secret, redact

_EXCERPT = 200
_TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
_DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def decode_json(reply: Reply) -> Node:
    """Read a reply's body as strict JSON.

    Raises:
        ContractBroken: It is no JSON (a proxy's HTML with status 200 is not), repeats a key, or holds NaN.
    """
    return parse_json(reply.body, place=reply.request or "body")


def is_transient(answer: Reply | NoReply) -> bool:
    """Tell whether a read may be tried again."""
    if isinstance(answer, NoReply):
        return True
    return answer.status in _TRANSIENT or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def failure_of(answer: Reply | NoReply, *, now: datetime, secrets: Iterable[Secret] = ()) -> MarketplaceError | None:
    """Return the error that a read's answer means, or ``None`` where it is a 2xx.

    Args:
        answer: What came.
        now: Compared with a Retry-After date where the reply has no Date header.
        secrets: Masked where the venue's words repeat them.
    """
    if isinstance(answer, NoReply):
        return Unavailable(f"{answer.request}: {answer.detail}")
    if answer.ok:
        return None
    said = f"{answer.request}: HTTP {answer.status}{excerpt(answer, secrets)}"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(said, after=retry_after(answer, now=now))
    if answer.status in _DENIED:
        return AuthFailed(f"{said}; check the account's credentials and their permissions")
    if is_transient(answer) or answer.status < HTTPStatus.BAD_REQUEST:
        return Unavailable(said)
    return ContractBroken(
        f"expected an answer, was HTTP {answer.status}{excerpt(answer, secrets)}", field=answer.request
    )


def whole_answer(
    answer: Reply | NoReply, keys: Sequence[str], *, secrets: Iterable[Secret] = ()
) -> tuple[Outcome, ...] | None:
    """Return one outcome for each key where the answer decides all of them alike; ``None`` where items follow.

    Raises:
        AuthFailed: 401 or 403: nothing of this request was done.
    """
    if isinstance(answer, NoReply):
        if answer.sent:
            return unknown(keys, code=answer.loss.value.upper(), detail=answer.detail)
        return _alike(keys, Status.REJECTED, answer.loss.value.upper(), f"nothing was sent: {answer.detail}")
    if answer.ok:
        return None
    said = f"HTTP {answer.status}{excerpt(answer, secrets)}"
    if answer.status in _DENIED:
        raise AuthFailed(f"{answer.request}: {said}; check the account's credentials and their permissions")
    definite = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if definite and answer.status not in _TRANSIENT:
        return _alike(keys, Status.REJECTED, str(answer.status), said)
    return unknown(keys, code=str(answer.status), detail=said)


def item_outcomes(
    answer: Reply | NoReply,
    keys: Sequence[str],
    read: Callable[[Node], Iterable[Outcome]],
    *,
    secrets: Iterable[Secret] = (),
) -> tuple[Outcome, ...]:
    """Return one outcome for each key, in order, from the answer to a request that held several changes.

    Args:
        answer: What came.
        keys: Of the changes that were sent.
        read: Reads the items of a 2xx answer's JSON; items are matched by key, whatever their order. An item that
            is missing, or an answer that does not read, is UNKNOWN.
        secrets: Masked where the venue's words repeat them.

    Raises:
        AuthFailed: 401 or 403: nothing of this request was done.
    """
    decided = whole_answer(answer, keys, secrets=secrets)
    if decided is not None or isinstance(answer, NoReply):
        return decided or ()
    try:
        told = {outcome.key: outcome for outcome in read(decode_json(answer))}
    except ContractBroken as exc:
        return unknown(keys, code="UNREADABLE", detail=str(exc))
    silent = unknown(keys, code="NO_ANSWER", detail="the venue's answer does not mention this change")
    return tuple(told.get(key, none) for key, none in zip(keys, silent, strict=True))


def unknown(keys: Sequence[str], *, code: str, detail: str) -> tuple[Outcome, ...]:
    """Return UNKNOWN for each key: the venue may or may not have done it."""
    return _alike(keys, Status.UNKNOWN, code, detail)


def retry_after(reply: Reply, *, now: datetime) -> float:
    """Return the seconds a 429 asks to wait, measured on the venue's own clock where it sends one."""
    try:
        stated = parsedate_to_datetime(reply.headers.get("date", ""))
    except ValueError:
        stated = now
    return parse_retry_after(reply.headers.get("retry-after"), now=stated if stated.tzinfo else now)


def excerpt(reply: Reply, secrets: Iterable[Secret] = ()) -> str:
    """Return the start of what the venue said, in one line, without control characters and secrets."""
    text = reply.body[: 4 * _EXCERPT].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        return " with a page of HTML"
    safe = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in redact(text, secrets))
    line = " ".join(safe.split())
    return f": {line[:_EXCERPT]}" if line else ""


def _alike(keys: Sequence[str], status: Status, code: str, detail: str) -> tuple[Outcome, ...]:
    return tuple(Outcome(key=key, status=status, code=code, detail=detail) for key in keys)
