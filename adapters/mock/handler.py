"""One HTTP request to the mock server, from its first line to its (perhaps spoilt) answer.

`server` owns the state; `routes` knows the venue; `admin` serves the referee.
"""

from __future__ import annotations

import gzip
import hmac
import select
import struct
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import SO_LINGER, SOL_SOCKET
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.mock import admin
from adapters.mock.backstage import Backstage
from adapters.mock.faults import BEFORE, Fault, FaultKind, spoil
from adapters.mock.routes import Answered, Asked, BadRequest, route
from adapters.mock.sheets import pack
from adapters.mock.wire import Payload
from bidder.errors import BidderError, ContractBroken
from bidder.http import Node, encode_json, parse_json

_LARGEST_BODY = 8 << 20
_IDLE_SECONDS = 30.0
_HTML = b"<!DOCTYPE html><html><body><h1>Welcome to our wireless network</h1></body></html>"


class Handler(BaseHTTPRequestHandler):
    """Answers requests with the backstage of its server."""

    protocol_version = "HTTP/1.1"
    server_version = "mock-venue"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    stage: Backstage

    def setup(self) -> None:
        """Find the stage."""
        self.stage = self.server.stage  # type: ignore[attr-defined]  # our own server class
        super().setup()

    def do_GET(self) -> None:  # the base class looks for this name
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:  # the base class looks for this name
        """Answer a POST."""
        self._serve()

    def do_DELETE(self) -> None:  # the base class looks for this name
        """Answer a DELETE."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Keep quiet: referees read `SeenRequest`."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self._body()
        if body is None:
            return
        if parts.path.startswith("/admin/"):
            self._admin(parts.path, body)
            return
        fault = self.stage.faults.take(self.command, parts.path)
        self.stage.note(self.command, parts.path, fault)
        if fault is not None and fault.kind in BEFORE:
            self._fail(fault, b"")
            return
        if parts.path == "/oauth/token" and self.command == "POST":
            answer: Answered | None = self._token(body)
        else:
            answer = self._api(parts.path, dict(parse_qsl(parts.query)), body, fault)
        if answer is None:
            return
        self._answer(answer, fault)

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= _LARGEST_BODY:
            self.close_connection = True
            self._error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
            return None
        return self.rfile.read(length)

    def _token(self, body: bytes) -> Answered:
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        grant = self.stage.office.refresh(
            form.get("client_id", ""), form.get("client_secret", ""), form.get("refresh_token", "")
        )
        if form.get("grant_type") != "refresh_token" or grant is None:
            return Answered(status=HTTPStatus.BAD_REQUEST, payload={"error": "invalid_grant"})
        return Answered(payload=dict(grant))

    def _api(self, path: str, query: dict[str, str], body: bytes, fault: Fault | None) -> Answered | None:
        """Let a request through token and turnstile to the venue; ``None`` where it was answered already."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.stage.office.accepts(token):
            self._error(HTTPStatus.UNAUTHORIZED, "the access token is missing, unknown or expired")
            return None
        wait = self.stage.turnstile.wait()
        if wait is not None:
            self._error(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", {"Retry-After": f"{wait:.3f}"})
            return None
        segments = [unquote(part) for part in path.strip("/").split("/")]
        if segments[:2] != ["v1", "accounts"] or len(segments) < 3:  # noqa: PLR2004  # the account's id follows
            self._error(HTTPStatus.NOT_FOUND, "there is no such address")
            return None
        try:
            node: Node | None = parse_json(body) if body else None
            asked = Asked(method=self.command, parts=tuple(segments[3:]), query=query, body=node, fault=fault)
            with self.stage.venue.lock:
                if self.stage.virtual_now is not None:
                    self.stage.venue.advance(self.stage.virtual_now())
                return route(self.stage.venue, segments[2], asked)
        except BadRequest as exc:
            self._error(HTTPStatus(exc.status), str(exc))
        except ContractBroken as exc:
            self._error(HTTPStatus.BAD_REQUEST, str(exc))
        return None

    def _answer(self, answer: Answered, fault: Fault | None) -> None:
        payload = answer.payload if fault is None else spoil(answer.payload, fault)
        if answer.packed:
            body = pack(payload)
            if fault is not None and fault.kind is FaultKind.CUT_FILE:
                body = body[: len(body) // 2]
            headers = {"Content-Type": "application/gzip"}
        else:
            body, headers = encode_json(payload), {"Content-Type": "application/json"}
        if fault is None:
            self._send(answer.status, body, headers)
        else:
            self._spoilt(answer.status, body, headers, fault)

    def _spoilt(self, status: int, body: bytes, headers: dict[str, str], fault: Fault) -> None:
        """Send an answer to what was done as the fault leaves it."""
        match fault.kind:
            case FaultKind.ERROR_AFTER | FaultKind.TIMEOUT_AFTER | FaultKind.RESET_AFTER:
                self._fail(fault, body)
            case FaultKind.SHORT_BODY:
                self._send(status, body[: len(body) // 2], headers, length=len(body))
                self._hang_up()
            case FaultKind.CUT_JSON:
                self._send(status, body[: max(1, len(body) // 2)], headers)
            case FaultKind.EMPTY_BODY:
                self._send(status, b"", headers)
            case FaultKind.HTML:
                self._send(HTTPStatus.OK, _HTML, {"Content-Type": "text/html"})
            case FaultKind.DUPLICATE_KEYS:
                first = body[: body.index(b":") + 1]
                self._send(status, first + b"null," + body[1:], headers)
            case FaultKind.NOT_A_NUMBER:
                self._send(status, b'{"margin":NaN,' + body[1:], headers)
            case FaultKind.DRIP:
                self._drip(status, body, headers)
            case FaultKind.BOMB:
                bomb = gzip.compress(b" " * (65 << 20), compresslevel=1)
                self._send(status, bomb, {**headers, "Content-Encoding": "gzip"})
            case _:
                self._send(status, body, headers)

    def _fail(self, fault: Fault, _body: bytes) -> None:
        """Give no answer, or a bad one."""
        match fault.kind:
            case FaultKind.THROTTLE:
                after = fault.detail.get("retry_after")
                self._error(
                    HTTPStatus.TOO_MANY_REQUESTS, "too many requests", {} if after is None else {"Retry-After": after}
                )
            case FaultKind.REDIRECT:
                location = fault.detail.get("location", "http://127.0.0.1:9/elsewhere")
                self._error(HTTPStatus.FOUND, "over there", {"Location": location})
            case FaultKind.REFUSE:
                self._error(HTTPStatus(int(fault.detail.get("status", "403"))), "refused")
            case FaultKind.ERROR_BEFORE | FaultKind.ERROR_AFTER:
                self._error(HTTPStatus(int(fault.detail.get("status", "500"))), "something broke")
            case FaultKind.TIMEOUT_BEFORE | FaultKind.TIMEOUT_AFTER:
                self._play_dead()
            case _:
                self._hang_up(reset=True)

    def _admin(self, path: str, body: bytes) -> None:
        given = self.headers.get("X-Admin-Token", "")
        if not hmac.compare_digest(given.encode(), self.stage.admin_token.encode()):
            self._error(HTTPStatus.FORBIDDEN, "the admin token is missing or wrong")
            return
        try:
            payload = admin.answer(self.stage, self.command, path, parse_json(body) if body else None)
        except (BidderError, ValueError) as exc:
            self._error(HTTPStatus.BAD_REQUEST, str(exc))
            return
        if payload is None:
            self._error(HTTPStatus.NOT_FOUND, "there is no such address")
            return
        self._send(HTTPStatus.OK, encode_json(payload), {"Content-Type": "application/json"})

    def _error(self, status: HTTPStatus, message: str, headers: dict[str, str] | None = None) -> None:
        payload: Payload = {"code": status.name, "message": message}
        self._send(status, encode_json(payload), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + 100_000))
        self.end_headers()
        for byte in body + b" " * 100_000:
            if self.stage.released.wait(0.01):
                break
            self.wfile.write(bytes([byte]))
        self._hang_up()

    def _play_dead(self) -> None:
        """Keep silent until the client gives up or the server closes."""
        while not self.stage.released.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable and not self.connection.recv(1):
                break
        self._hang_up()

    def _hang_up(self, *, reset: bool = False) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
