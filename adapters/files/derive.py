"""Fill in a figure that a file lacks from others that imply it, and say so; name what stays missing and how to give it.

Clicks times their average price are the spend. Nothing is ever filled with zero. Called by `adapters.files.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from adapters.files.mapping import Role

Values = list[Decimal | None]
_MICRO = Decimal("0.000001")
_ORDER_VALUE = 'state what an order is worth: order_value = "50", bidder audit --order-value 50'


def _exactly(value: Decimal) -> Decimal:
    return value.quantize(_MICRO, rounding=ROUND_HALF_EVEN)


def _over(a: Decimal, b: Decimal) -> Decimal | None:
    if b == 0:
        return Decimal(0) if a == 0 else None
    return _exactly(a / b)


def _whole(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)


def _whole_over(a: Decimal, b: Decimal) -> Decimal | None:
    found = _over(a, b)
    return None if found is None else _whole(found)


_RULES: tuple[tuple[Role, tuple[Role, Role], Callable[[Decimal, Decimal], Decimal | None], str], ...] = (
    (
        Role.SPEND,
        (Role.CLICKS, Role.AVG_CPC),
        lambda clicks, cpc: clicks * cpc,
        "clicks times the average price of a click",
    ),
    (Role.REVENUE, (Role.SPEND, Role.ROAS), lambda spend, roas: _exactly(spend * roas), "spend times its return"),
    (Role.REVENUE, (Role.SPEND, Role.ACOS), _over, "spend over its share of sales"),
    (Role.SPEND, (Role.REVENUE, Role.ROAS), _over, "revenue over the return"),
    (
        Role.CLICKS,
        (Role.SPEND, Role.AVG_CPC),
        _whole_over,
        "spend over the average price of a click",
    ),
    (
        Role.CLICKS,
        (Role.IMPRESSIONS, Role.CTR),
        lambda shown, ctr: _whole(shown * ctr),
        "impressions times the click rate",
    ),
    (
        Role.IMPRESSIONS,
        (Role.CLICKS, Role.CTR),
        _whole_over,
        "clicks over the click rate",
    ),
    (
        Role.ORDERS,
        (Role.CLICKS, Role.CVR),
        lambda clicks, cvr: _whole(clicks * cvr),
        "clicks times the conversion rate",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Figures after filling in.

    Attributes:
        values: By role.
        sentences: What was derived and from what.
        gaps: What decisions need and the file does not give, each with its remedy.
    """

    values: Mapping[Role, Values]
    sentences: tuple[str, ...]
    gaps: tuple[str, ...]


def needed_ratios(have: frozenset[Role]) -> frozenset[Role]:
    """Return the ratios worth reading: those that fill in a missing figure."""
    return frozenset(parts[1] for made, parts, _, _ in _RULES if made not in have)


def derive(values: Mapping[Role, Values], *, order_value: Decimal | None, money_only: bool = False) -> Derived:
    """Fill in what follows, in the order of surety; with ``money_only``, clicks and orders are no gaps."""
    filled: dict[Role, Values] = dict(values)
    sentences: list[str] = []
    for made, (first, second), rule, words in _RULES:
        if made in filled or first not in filled or second not in filled:
            continue
        filled[made] = _apply(filled[first], filled[second], rule)
        sentences.append(f"there is no column of {made}: it is {words}, so rounding in the file carries over")
    if Role.ORDERS not in filled and Role.UNITS in filled:
        filled[Role.ORDERS] = list(filled[Role.UNITS])
        sentences.append("there is no column of orders: units sold stand for them")
    if order_value is not None:
        _by_order_value(filled, order_value, sentences)
    if Role.IMPRESSIONS not in filled and Role.CLICKS in filled:
        filled[Role.IMPRESSIONS] = list(filled[Role.CLICKS])
        sentences.append("there is no column of impressions: at least the clicks are known, so they stand for them")
    return Derived(values=filled, sentences=tuple(sentences), gaps=_gaps(filled, money_only=money_only))


def _by_order_value(filled: dict[Role, Values], order_value: Decimal, sentences: list[str]) -> None:
    if Role.REVENUE not in filled and Role.ORDERS in filled:
        filled[Role.REVENUE] = [None if n is None else n * order_value for n in filled[Role.ORDERS]]
        sentences.append(f"there is no column of revenue: each order counts the stated order value of {order_value}")
    elif Role.ORDERS not in filled and Role.REVENUE in filled:
        filled[Role.ORDERS] = [
            None if r is None else _whole(max(r, Decimal(0)) / order_value) for r in filled[Role.REVENUE]
        ]
        sentences.append(
            f"there is no column of orders: revenue over the stated order value of {order_value} stands for them"
        )


def _gaps(filled: Mapping[Role, Values], *, money_only: bool) -> tuple[str, ...]:
    gaps = []
    if Role.SPEND not in filled:
        gaps.append("no spend: export the column of cost, or clicks with their average price")
    if Role.CLICKS not in filled and not money_only:
        gaps.append("no clicks: export the column of clicks, or the average price of a click")
    if Role.REVENUE not in filled:
        gaps.append(f"no revenue: export the column of sales, or {_ORDER_VALUE}")
    if Role.ORDERS not in filled and not money_only:
        gaps.append(f"no orders: export the column of orders, or {_ORDER_VALUE}")
    return tuple(gaps)


def _apply(
    first: Sequence[Decimal | None],
    second: Sequence[Decimal | None],
    rule: Callable[[Decimal, Decimal], Decimal | None],
) -> Values:
    made: Values = []
    for a, b in zip(first, second, strict=True):
        if a is None:
            made.append(None)
        elif b is None:
            # The average of no clicks is no figure; the product is none of it.
            made.append(Decimal(0) if a == 0 else None)
        else:
            made.append(rule(a, b))
    return made
