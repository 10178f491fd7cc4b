"""The only user of requests: everything that leaves for a venue, an alert address or a ping goes through here.

Adapters build an `HttpSession` and send `Request` values. Reads come back as a `Reply` or raise what the cycle
reacts to; writes are sent once and come back as data (`Reply` or `NoReply`), which `whole_answer` turns into
outcomes. Part of the public API for third parties.
"""

from __future__ import annotations

from bidder.http.addresses import Origin, PublicHosts
from bidder.http.answers import decode_json, failure_of, item_outcomes, unknown, whole_answer
from bidder.http.exchange import Loss, NoReply, Reply, Request
from bidder.http.limits import RateLimit, RateLimiter, RetryBudget, SystemTicker, Ticker, parse_retry_after
from bidder.http.payload import Json, Node, encode_json, gunzip, parse_json
from bidder.http.session import HttpSession, Limits
from bidder.http.tokens import Grant, TokenKeeper

__all__ = [
    "Grant",
    "HttpSession",
    "Json",
    "Limits",
    "Loss",
    "NoReply",
    "Node",
    "Origin",
    "PublicHosts",
    "RateLimit",
    "RateLimiter",
    "Reply",
    "Request",
    "RetryBudget",
    "SystemTicker",
    "Ticker",
    "TokenKeeper",
    "decode_json",
    "encode_json",
    "failure_of",
    "gunzip",
    "item_outcomes",
    "parse_json",
    "parse_retry_after",
    "unknown",
    "whole_answer",
]
