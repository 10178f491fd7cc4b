"""Why something changes, is held, or is refused: codes with one sentence each, filled with the figures.

Guards and deciders return these as data; `bidder why`, the audit, the action sheet and the documentation
all render the same templates. A code is never re-used for another meaning.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import Enum
from typing import Self

Evidence = str | int | float | bool | None
"""A figure a reason rests on; money is given as text with its currency."""


class Kind(Enum):
    """What a code speaks of."""

    CHANGE = "change"
    HOLD = "hold"
    OBJECTION = "objection"
    FINDING = "finding"


class Code(Enum):
    """Reason codes: kind and sentence. Placeholders name the evidence."""

    # Changes
    BID_TO_VALUE = (
        Kind.CHANGE,
        "a click is worth {value} and costs {cpc}; the bid moves from {old} to {new} towards {wanted}",
    )
    BID_DOWN_CAPPED = (
        Kind.CHANGE,
        "the campaign runs out of budget; a lower bid buys more clicks for the same money ({old} to {new})",
    )
    BID_DOWN_SLOW = (
        Kind.CHANGE,
        "slow seller: {product} sells {velocity} a day against {median} in its category; bid down before a pause",
    )
    BID_DOWN_STOCK = (
        Kind.CHANGE,
        "{product} has stock for {cover_days} days, the next takes {lead_days}: it may run out; demand is tapered",
    )
    BID_DOWN_PROTECTED = (
        Kind.CHANGE,
        "protected from pausing, yet a click is worth {value} and costs {cpc}: bid down",
    )
    BID_EXPLORE = (
        Kind.CHANGE,
        "too little evidence ({clicks} clicks): tried at a bid that its upper estimate of {value} a click allows",
    )
    BID_TEST = (
        Kind.CHANGE,
        "test move, by lot: {step} {side} the wanted {wanted} until {until}, costs about {cost} a day; {stop} ends it",
    )
    BID_DOWN_AUDIT = (
        Kind.CHANGE,
        "below break-even with probability {probability}, but drawn to run on and check the rule: {old} to {new}",
    )
    BID_RESTOCK = (
        Kind.CHANGE,
        "{product} comes back from a stock-out over {days} days, now at {share} of a click's worth: {old} to {new}",
    )
    BUDGET_EQUAL_MARGIN = (
        Kind.CHANGE,
        "the next unit spent here returns {marginal} against {price} elsewhere: {old} to {new} a day",
    )
    BUDGET_TO_CAP = (Kind.CHANGE, "all budgets together must stay within {cap}: {old} to {new}")
    BUDGET_BOUNDED = (
        Kind.CHANGE,
        "no daily limit was set; one of {new} keeps the account within its cap of {cap}",
    )
    BUDGET_TO_LEAST = (
        Kind.CHANGE,
        "the venue takes no daily budget under {least}: {old} to {new}",
    )
    PAUSE_EVIDENCE = (
        Kind.CHANGE,
        "earns below break-even with probability {probability} after {floor_orders} floor-orders of matured spend",
    )
    PAUSE_SLOW = (
        Kind.CHANGE,
        "slow seller for {days} days, bid already lowered; handed to the clearance list",
    )
    PAUSE_STOCK = (Kind.CHANGE, "{product} cannot be bought now: {stock} in stock")
    PAUSE_NEW_FAILED = (
        Kind.CHANGE,
        "test line ended: {clicks} clicks without a sign of demand, loss budget {loss} used",
    )
    PAUSE_NEW_LOSS = (
        Kind.CHANGE,
        "test line ended: {product} lost {loss} of a budget of {budget}, with {orders} orders of {floor_orders} due",
    )
    PAUSE_OVER_CAP = (
        Kind.CHANGE,
        "the cap of {cap} does not cover the least budget of {least} for every campaign; this one returns least",
    )
    RESUME_STOCK = (Kind.CHANGE, "{product} can be bought again; we paused it for stock on {since}")
    RESUME_EVIDENCE = (
        Kind.CHANGE,
        "probability below break-even fell to {probability}; we paused it on {since}",
    )
    RESUME_SLOW = (Kind.CHANGE, "{product} sells again; we paused it as a slow seller on {since}")
    RESUME_RETEST = (
        Kind.CHANGE,
        "tested again because {turn}; we paused it on {since}, and only what comes from now on counts",
    )
    DAYPARTS_TO_WORTH = (
        Kind.CHANGE,
        "clicks are worth {best} at {best_hour} o'clock and {worst} at {worst_hour} of the day's mean; bids follow",
    )
    PACE_SLOWER = (
        Kind.CHANGE,
        "its budget of {budget} would be gone at {hour} o'clock; bids go to {level} of their hour settings to last",
    )
    PACE_FASTER = (
        Kind.CHANGE,
        "its budget of {budget} covers more of the day; bids go back to {level} of their hour settings",
    )
    RESTORE = (Kind.CHANGE, "restores the value that stood before {what}")
    # Holds: nothing is changed and that is the decision
    NO_CHANGE_NEEDED = (Kind.HOLD, "already where it should be: {value} a click, bid {bid}")
    DEAD_BAND = (Kind.HOLD, "the wanted move of {move} is within the dead band of {band}")
    ON_TEST = (
        Kind.HOLD,
        "on test: {step} {side} its wanted bid until {until}, drawn by lot; {stop} ends it",
    )
    COOLDOWN = (Kind.HOLD, "changed at {at}; the next change is allowed from {until}")
    TOO_LITTLE_EVIDENCE = (Kind.HOLD, "{clicks} matured clicks, {needed} are needed before a decision")
    ORDERS_MATURING = (Kind.HOLD, "only {maturity} of recent orders can be seen yet; judged again on {on}")
    OBSERVING = (Kind.HOLD, "newly connected: observed only until {until}")
    EVENT_PHASE = (Kind.HOLD, "sale event {event}, phase {phase}: no pause on orders alone")
    HIGH_CARTS = (
        Kind.HOLD,
        "carts are {carts} of the category's rate: orders may follow, not judged on orders alone",
    )
    NEW_PRODUCT = (
        Kind.HOLD,
        "new product (launch {launched}, {clicks} clicks): unranked while on its test line",
    )
    POTENTIAL = (
        Kind.HOLD,
        "slow on all channels, but its advertising earns or carts are high: flagged as potential, not cleared",
    )
    AUDIT_SAMPLE = (
        Kind.HOLD,
        "the evidence would pause it; drawn to run on at the least bid, so that wrong pauses can be counted",
    )
    FROZEN = (Kind.HOLD, "an earlier change has no certain outcome yet; nothing moves until it is settled")
    FOREIGN_EDIT = (Kind.HOLD, "changed by {editor} at {at}: left alone until {until}")
    PLATFORM_STRATEGY = (Kind.HOLD, "the platform's own strategy sets the bids here; ours would be ignored")
    NOT_OURS_TO_RESUME = (Kind.HOLD, "paused by {editor}: we resume only what we paused")
    ARCHIVED = (Kind.HOLD, "archived at the venue")
    CAMPAIGN_PAUSED = (Kind.HOLD, "its campaign or ad group is paused")
    MISSING_DATA = (Kind.HOLD, "not in the report: missing is not zero")
    MISSING_MARGIN = (
        Kind.HOLD,
        "no margin is known for {product}; add it to the product file so that profit can be judged",
    )
    READ_ONLY = (Kind.HOLD, "the venue gives no way to change this")
    PAUSED_BY_US = (Kind.HOLD, "we paused it on {since} ({why}); {retest}")
    INHERITS_BID = (Kind.HOLD, "it has no own bid: the ad group's bid is the lever")
    REPORT_STALE = (Kind.HOLD, "the newest report is {age} old, {allowed} is allowed")
    REPORT_PARTIAL = (Kind.HOLD, "the report covers {seen} of {expected}: held as partial")
    REPORT_FOREIGN = (Kind.HOLD, "the report is for {found}, expected {expected}")
    REPORT_PENDING = (Kind.HOLD, "the venue is still preparing the report {job}")
    REPORT_INVALID = (Kind.HOLD, "the report cannot be right: {what}")
    REPORT_UNIT_JUMP = (Kind.HOLD, "{what} jumped by a factor of {factor}: units may have changed")
    FORECAST_UNUSABLE = (Kind.HOLD, "the forecast is not usable: {why}")
    TRACKING_LOST = (Kind.HOLD, "orders and carts collapsed while clicks go on: tracking may be broken")
    TARGETS_BID = (Kind.HOLD, "its targets have bids of their own: they are the levers")
    BUDGET_FITS = (Kind.HOLD, "its budget of {budget} a day covers the {spend} worth spending")
    BUDGET_SHARED = (Kind.HOLD, "its budget is shared: decided at campaign {campaign}")
    GOAL_MET = (Kind.HOLD, "earns {roas} against a goal of {goal}; more spend would return only {marginal}")
    # Objections: a guard removed or shrank a change
    BOUNDS_INFEASIBLE = (Kind.OBJECTION, "lower bounds cannot be met: {why}")
    BUDGET_OUT_SOON = (
        Kind.OBJECTION,
        "campaign {campaign} will have spent its {budget} at {hour} o'clock, before its busiest hour at {peak} o'clock",
    )
    BALANCE_SHORT = (
        Kind.OBJECTION,
        "the balance of {balance} lasts {days} days at this spend; an empty balance stops everything",
    )
    MONTH_PLAN_UNDER = (Kind.OBJECTION, "of the {plan} planned for the month {forecast} will be spent: {why}")
    MONTH_PLAN_OVER = (Kind.OBJECTION, "the month will cost {forecast} against a plan of {plan}: {why}")
    STEP_LIMIT = (Kind.OBJECTION, "one step may move {limit}; {wanted} was shrunk to {allowed}")
    DAY_STEP_LIMIT = (Kind.OBJECTION, "the day's net move may be {limit}; {wanted} was shrunk to {allowed}")
    BELOW_FLOOR = (Kind.OBJECTION, "below the lowest value allowed, {floor}")
    ABOVE_CEILING = (Kind.OBJECTION, "above the highest value allowed, {ceiling}")
    CAP_HEADROOM = (
        Kind.OBJECTION,
        "an increase may use only headroom that is certain: {headroom} of {cap} is free",
    )
    BLAST_RADIUS = (
        Kind.OBJECTION,
        "at most {limit} entities change in one cycle; those with less to gain wait",
    )
    PAUSE_SHARE = (
        Kind.OBJECTION,
        "at most {limit} of what is enabled may be paused in one cycle, and never the last",
    )
    PROTECTED = (Kind.OBJECTION, "protected: never paused by the daemon")
    REDUCING = (Kind.OBJECTION, "mode REDUCING: only lower bids, lower budgets and pauses go out")
    HALTED = (Kind.OBJECTION, "mode HALTED: nothing is written; {why}")
    CANARY = (Kind.OBJECTION, "first live cycle after {what}: at most {limit} changes")
    QUOTA = (Kind.OBJECTION, "the venue allows {limit} changes of this a day")
    NOT_AS_SEEN = (Kind.OBJECTION, "the {field} is not what the decision was made on, or cannot be set here")
    IN_DOUBT = (Kind.OBJECTION, "an earlier change has no certain outcome yet")
    HANDS_OFF = (Kind.OBJECTION, "edited by somebody else: left alone for now")
    NOT_PAUSED_BY_US = (Kind.OBJECTION, "we resume only what we paused")
    OFF_GRID = (Kind.OBJECTION, "rounded down to the venue's increment of {increment}")
    NOT_FINITE = (Kind.OBJECTION, "the value wanted was not a finite amount of money")
    REHEARSAL = (Kind.OBJECTION, "rehearsal: nothing is sent")
    NOT_ARMED = (Kind.OBJECTION, "mode live is configured but the account is not armed: run bidder arm")
    # Findings of an audit
    SPEND_WITHOUT_SIGN = (
        Kind.FINDING,
        "{spend} spent in {days} days with no order and no cart, {floor_orders} floor-orders of evidence",
    )
    BELOW_BREAK_EVEN = (
        Kind.FINDING,
        "earns {roas} against a break-even of {floor}; {loss} lost in {days} days",
    )
    PAYS_TOO_MUCH = (Kind.FINDING, "a click is worth {value} and costs {cpc}")
    STARVED_WINNER = (Kind.FINDING, "earns {roas} on little money; the next unit returns {marginal}")
    BUDGET_OUT_EARLY = (Kind.FINDING, "runs out of budget at {hour} o'clock on most days")
    TOO_EARLY = (Kind.FINDING, "{spend} spent, but {why}")

    def __init__(self, kind: Kind, template: str) -> None:
        self.kind = kind
        self.template = template

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the evidence the sentence needs."""
        return frozenset(name for _, name, _, _ in string.Formatter().parse(self.template) if name)


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with the figures it rests on; figures beyond the template's are kept as evidence.

    Attributes:
        code: What is said.
        evidence: Name and figure, sorted by name; hashable and JSON-safe.
    """

    code: Code
    evidence: tuple[tuple[str, Evidence], ...]

    @classmethod
    def of(cls, code: Code, **evidence: Evidence) -> Self:
        """Build a reason; raises ``ValueError`` where the sentence would have a gap."""
        missing = code.placeholders - evidence.keys()
        if missing:
            raise ValueError(f"reason {code.name} lacks {', '.join(sorted(missing))}")
        return cls(code, tuple(sorted((name, _rounded(value)) for name, value in evidence.items())))

    def render(self) -> str:
        """Return the sentence with its figures."""
        return self.code.template.format(**{name: _shown(value) for name, value in self.evidence})

    def __str__(self) -> str:
        return self.render()


def _rounded(value: Evidence) -> Evidence:
    """Round floats to four significant digits, so that a hold's evidence is stable between cycles."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _shown(value: Evidence) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.4g}"
        case _:
            return str(value)
