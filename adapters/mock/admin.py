"""The mock server's back door for referees: history, requests, faults, time, other people's edits.

``GET /admin/history`` the venue's truth · ``GET /admin/requests`` · ``GET /admin/clock`` ·
``POST /admin/advance`` {"until": moment} or {"hours": n} · ``POST /admin/faults`` {"kind", "path", "method", "times",
"detail"} · ``DELETE /admin/faults`` · ``POST /admin/edits`` {"account", "ref", "field", "value", "editor", "at"}.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.mock.advertiser import Advertiser, ConsoleEdit
from adapters.mock.backstage import Backstage
from adapters.mock.faults import Fault, FaultKind
from adapters.mock.wire import Payload, decode_value, encode_value
from bidder.core.change import Field
from bidder.core.entities import Editor, EntityRef
from bidder.http import Json, Node


def answer(stage: Backstage, method: str, path: str, body: Node | None) -> Payload | None:
    """Do what a referee asks; ``None`` where there is no such address.

    Raises:
        ContractBroken, ValueError: The body is malformed.
    """
    address = path.removeprefix("/admin/")
    with stage.venue.lock:
        return _shown(stage, address) if method == "GET" else _done(stage, method, address, body)


def _shown(stage: Backstage, address: str) -> Payload | None:
    match address:
        case "history":
            accounts: dict[str, Json] = {key: _history(account) for key, account in stage.venue.advertisers.items()}
            return {"accounts": accounts}
        case "requests":
            seen: list[Json] = [
                {"at": request.at, "method": request.method, "path": request.path, "fault": request.fault}
                for request in stage.seen
            ]
            return {"requests": seen}
        case "clock":
            return {"now": stage.venue.now.isoformat()}
        case _:
            return None


def _done(stage: Backstage, method: str, address: str, body: Node | None) -> Payload | None:
    match method, address, body:
        case "DELETE", "faults", _:
            stage.faults.clear()
        case "POST", "advance", Node():
            _advance(stage, body)
        case "POST", "faults", Node():
            stage.faults.add(_fault(body))
        case "POST", "edits", Node():
            _edit(stage, body)
        case _:
            return None
    return {"now": stage.venue.now.isoformat()}


def _history(advertiser: Advertiser) -> Payload:
    return {
        "changes": [
            {
                "sequence": event.sequence,
                "at": event.at.isoformat(),
                "ref": str(event.ref),
                "field": event.field.value,
                "old": encode_value(event.old),
                "new": encode_value(event.new),
                "editor": event.editor.value,
                "key": event.key,
            }
            for event in advertiser.history
        ],
        "attempts": [
            {
                "at": attempt.at.isoformat(),
                "key": attempt.key,
                "ref": str(attempt.ref),
                "field": attempt.field.value,
                "value": encode_value(attempt.value),
                "status": attempt.status.value,
                "code": attempt.code,
                "replayed": attempt.replayed,
            }
            for attempt in advertiser.attempts
        ],
    }


def _advance(stage: Backstage, body: Node) -> None:
    until, hours = body.find("until"), body.find("hours")
    if until is not None:
        stage.venue.advance(until.instant())
    elif hours is not None:
        stage.venue.advance(stage.venue.now + timedelta(hours=hours.number()))
    else:
        raise ValueError("say until when, or by how many hours")


def _fault(body: Node) -> Fault:
    path, method, times, detail = (body.find(name) for name in ("path", "method", "times", "detail"))
    figures = detail.value if detail is not None and isinstance(detail.value, dict) else {}
    return Fault(
        kind=FaultKind(body.at("kind").text()),
        path="" if path is None else path.text(),
        method="" if method is None else method.text(),
        times=1 if times is None else times.integer(least=-1),
        detail={str(name): str(value) for name, value in figures.items()},
    )


def _edit(stage: Backstage, body: Node) -> None:
    advertiser = stage.venue.advertiser(body.at("account").text())
    at, factor, editor = body.find("at"), body.find("factor"), body.find("editor")
    edit = ConsoleEdit(
        at=stage.venue.now if at is None else at.instant(),
        ref=EntityRef.parse(body.at("ref").text()),
        field=Field(body.at("field").text()),
        value=decode_value(body.at("value")) if factor is None else factor.number(),
        editor=Editor.PERSON if editor is None else Editor(editor.text()),
    )
    advertiser.plan(edit)
    stage.venue.advance(stage.venue.now)
