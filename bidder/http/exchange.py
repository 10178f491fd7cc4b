"""One request and what came of it, as data: nothing here shows a header or a body when it is printed.

`HttpSession` takes a `Request` and gives a `Reply` (the venue answered, whatever it said) or a `NoReply` (no whole
answer came, and whether the request may have reached the venue all the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import urlencode

from bidder.http.payload import Json, encode_json
from bidder.secrets import Secret

HeaderValue = str | Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be sent.

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE.
        path: Path under the session's base address, starting with a slash; the query stands apart.
        query: Shown in messages and logs of others on the way: never put a secret here.
        headers: Secrets are wrapped; they are revealed on the wire only.
        body: Bytes to send, or ``None``.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, HeaderValue] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError(f"a path starts with one slash, was {self.path!r}")
        for name, value in self.headers.items():
            text = value.reveal() if isinstance(value, Secret) else value
            if not (name + text).isascii() or not (name + text).isprintable():
                raise ValueError(f"header {name!r} holds a character that is not printable ASCII")

    @classmethod
    def of_json(
        cls,
        method: str,
        path: str,
        payload: Json,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, HeaderValue] | None = None,
    ) -> Self:
        """Build a request with a JSON body; NaN and infinities are refused."""
        merged = {"Content-Type": "application/json", **(headers or {})}
        return cls(method=method, path=path, query=query or {}, headers=merged, body=encode_json(payload))

    @classmethod
    def of_form(cls, path: str, fields: Mapping[str, HeaderValue]) -> Self:
        """Build a POST of a form, as OAuth token addresses take it."""
        plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return cls(method="POST", path=path, headers=headers, body=urlencode(plain).encode())

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer of the venue.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; the last of several same ones.
        body: Decompressed.
        request: Method and path it answers, for messages.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    request: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether the status is 2xx; that alone never proves that a write happened."""
        return 200 <= self.status < 300  # noqa: PLR2004  # the very definition of 2xx


class Loss(StrEnum):
    """Why no whole answer came."""

    NOT_SENT = "not_sent"
    """The connection was never made: the venue cannot have seen the request."""
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    """The total time for the request was used up, however many bytes kept dripping in."""
    CUT = "cut"
    """The connection was reset, or the body was shorter than announced."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """The compression of the body does not decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply:
    """No whole answer came.

    Attributes:
        loss: Why.
        detail: One line for people; made of our own words only.
        request: Method and path, for messages.
    """

    loss: Loss
    detail: str
    request: str = ""

    @property
    def sent(self) -> bool:
        """Tell whether the venue may have seen, and carried out, the request."""
        return self.loss is not Loss.NOT_SENT
