"""``bidder audit``: from downloaded reports to where money is lost and an action sheet, in one call.

The decisions are those of a normal cycle in rehearsal on a database in memory: the same code, nothing sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bidder.cli.frame import Frame, now, plain, table
from bidder.cli.reports import mappings, reader
from bidder.errors import ConfigError, InputError

if TYPE_CHECKING:
    from bidder.core.entities import Account
    from bidder.core.findings import Finding
    from bidder.core.plan import Verdict
    from bidder.core.policy import Policy
    from bidder.core.snapshot import Snapshot
    from bidder.ports import FileReading, Marketplace
    from bidder.wiring import Judged

_TELLING = 5
_NO_MARGIN = (
    "No margin is known, so only spend without any sign is called a loss. Add --margin 0.5 or a products.csv "
    "(sku, price, unit cost or margin, refund rate)."
)
_NOTHING_SENT = (
    "Nothing was sent. Carry out what you agree with, export again, and run this again: it will tell which lines were "
    "done."
)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--currency", help="ISO 4217, where the files do not say.")
@click.option("--time-zone", default="Asia/Shanghai", show_default=True, help="Zone whose days the reports count.")
@click.option("--cap", help="Most that all daily budgets may add up to; today's budgets or spend where absent.")
@click.option("--margin", type=click.FloatRange(0.01, 0.99), help="Margin before refunds, where no product file says.")
@click.option("--refund-rate", type=click.FloatRange(0, 0.95), help="Refund rate, where no product file says.")
@click.option("--year", type=click.IntRange(1990, 2100), help="Year of days that state none.")
@click.option("--date-order", type=click.Choice(["dmy", "mdy", "ymd"]), help="Order of day and month, where unclear.")
@click.option("--order-value", help="What an order is worth, for files without sales.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file of column mappings, where headings are misunderstood.",
)
@click.option("--products", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of products.")
@click.option("--protect", multiple=True, help="Word that is never paused; may be given several times.")
@click.option("--skip-bad-rows", is_flag=True, help="Leave rows out whose cells cannot be read, and say so.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the action sheet.")
@click.pass_obj
def audit(
    frame: Frame,
    folder: Path,
    *,
    currency: str | None,
    time_zone: str,
    cap: str | None,
    margin: float | None,
    refund_rate: float | None,
    year: int | None,
    date_order: str | None,
    order_value: str | None,
    mapping: Path | None,
    products: Path | None,
    protect: tuple[str, ...],
    out: Path | None,
    skip_bad_rows: bool,
) -> None:
    """Find where money is lost, from reports you downloaded; nothing is sent anywhere.

    Example: bidder audit reports --currency CNY --margin 0.5 --refund-rate 0.3
    """
    from bidder.core.findings import Pile, find, piles
    from bidder.ports import AdapterConfig, FromFiles
    from bidder.registry import load_marketplace
    from bidder.wiring import VolatileMemory, rehearsed

    options = _options(
        folder, mapping, skip=skip_bad_rows, year=year, date_order=date_order, order_value=order_value,
        products=products, sheet=out,
    )  # fmt: skip
    account = reader("audit", currency, time_zone)
    market = load_marketplace("files")(AdapterConfig(account=account, options=options, memory=VolatileMemory()))
    if not isinstance(market, FromFiles):
        raise ConfigError("the installed adapter 'files' cannot explain what it read; install bidder again")
    reading = market.reading()
    account = reader("audit", reading.currency, time_zone)
    at = _as_of(reading, time_zone)
    market = load_marketplace("files")(AdapterConfig(account=account, options=options, memory=VolatileMemory()))
    structure = market.fetch_structure(account.id, at)
    policy = _policy(account, reading, cap, margin, refund_rate, protect, [c.daily_budget for c in structure.campaigns])
    judged = rehearsed(account, policy, market, now=at)
    findings = find(judged.snapshot, judged.forecast, policy)
    sheet = _sheet(market, judged, out)
    market.close()
    lost = {pile.value: micros / 1e6 for pile, micros in piles(findings).items()}
    frame.show(
        {
            "reading": {"currency": reading.currency, "files": reading.files, "totals": reading.totals,
                        "agrees": reading.agrees, "carried_out": reading.carried_out},
            "lost": lost,
            "findings": [_finding(f, judged.snapshot) for f in findings],
            "changes": len(judged.verdict.plan),
            "held": _held(judged.verdict),
            "action_sheet": [str(path) for path in sheet],
        },
        _text(reading, {pile: lost[pile.value] for pile in Pile}, findings, judged, sheet, policy),
    )  # fmt: skip


def _options(folder: Path, mapping: Path | None, *, skip: bool, **stated: Path | str | int | None) -> dict[str, object]:
    """Return the options of the adapter; what the call does not state is left to the files."""
    options: dict[str, object] = {"folder": str(folder), "refused": "skip" if skip else "stop", "stand_ins": True}
    options |= {name: str(v) if isinstance(v, Path) else v for name, v in stated.items() if v is not None}
    return options if mapping is None else {**options, "mapping": mappings(mapping)}


def _stated(**options: object) -> dict[str, object]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _sheet(market: Marketplace, judged: Judged, out: Path | None) -> tuple[Path, ...]:
    """Write what would be changed for a person to carry out."""
    from bidder.ports import FromFiles

    plan = judged.verdict.plan
    if not isinstance(market, FromFiles) or not plan.changes:
        return ()
    return market.write_sheet(plan.changes, [f"audit-{n}" for n in range(len(plan))], now=now(), folder=out)


def _as_of(reading: FileReading, time_zone: str) -> datetime:
    """Judge as of the morning after the newest day: old files are judged as they were, not as stale."""
    from bidder.core.calendar import day_start

    if reading.last_day is None:
        raise InputError("; ".join(reading.files) or "there is nothing to read", place="FOLDER")
    return min(day_start(reading.last_day + timedelta(days=1), time_zone) + timedelta(hours=9), now())


def _policy(
    account: Account,
    reading: FileReading,
    cap: str | None,
    margin: float | None,
    refund_rate: float | None,
    protect: tuple[str, ...],
    budgets: list[object],
) -> Policy:
    """Return the shipped policy with what the call and the files state; no step is asked to wait."""
    from bidder.core.money import Money
    from bidder.core.policy import EvidencePolicy, GoalPolicy, LimitPolicy, Policy, ProtectPolicy
    from bidder.settings.events import dated, usual

    known = [budget for budget in budgets if isinstance(budget, Money)]
    if cap is not None:
        try:
            most = Money.of(cap, account.currency)
        except ValueError as error:
            raise InputError(str(error), place="--cap") from error
    else:
        most = sum(known[1:], known[0]) if known else Money.of("1000000000", account.currency)
    return Policy(
        cap=most,
        goal=GoalPolicy(default_margin=margin, default_refund_rate=refund_rate),
        limits=LimitPolicy(observe_days=0.0, canary_changes=1_000_000, max_changed_entities=1_000_000,
                           max_report_age_hours=1e6),
        evidence=EvidencePolicy(learn_days=90),
        protect=ProtectPolicy(words=(*protect, *reading.protected_words), products=reading.protected_products),
        events=dated(usual(account.currency)),
    )  # fmt: skip


def _finding(finding: Finding, snapshot: Snapshot) -> Mapping[str, object]:
    return {
        "entity": str(finding.ref),
        "name": _name(finding, snapshot),
        "pile": finding.pile.value,
        "lost": finding.loss_micros / 1e6,
        "spend": finding.spend_micros / 1e6,
        "reason": finding.reason.code.name,
        "why": finding.reason.render(),
    }


def _name(finding: Finding, snapshot: Snapshot) -> str:
    """Name a target as the console does: campaign, ad group, word."""
    target = next(t for t in snapshot.structure.targets if t.id == finding.ref.id)
    campaign = next(c for c in snapshot.structure.campaigns if c.id == target.campaign_id)
    return " / ".join(dict.fromkeys(part for part in (campaign.name, target.text) if part))


def _held(verdict: Verdict) -> dict[str, int]:
    counts: dict[str, int] = {}
    for hold in verdict.holds:
        counts[hold.reason.code.name] = counts.get(hold.reason.code.name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _text(
    reading: FileReading,
    lost: Mapping[object, float],
    findings: tuple[Finding, ...],
    judged: Judged,
    sheet: tuple[Path, ...],
    policy: Policy,
) -> str:
    """Say it for a person, in the order of the questions they would ask."""
    from bidder.core.findings import LOOK_BACK_DAYS

    snapshot, verdict = judged.snapshot, judged.verdict
    code = reading.currency
    lines = ["What I read", *(f"  {plain(line)}" for line in reading.files), "", "Do the totals agree?"]
    lines += [f"  {plain(line)}" for line in reading.totals]
    lines.append("  yes, to the smallest unit" if reading.agrees else "  no: see above; the rest is not counted")
    if policy.goal.default_margin is None and not any(p.margin or p.unit_cost for p in snapshot.structure.products):
        lines += ["", _NO_MARGIN]
    lines += ["", f"Money lost in the newest {LOOK_BACK_DAYS} days, {code}"]
    lines += [f"  {pile!s:<18}{amount:>14,.2f}" for pile, amount in lost.items()]
    best = [f for f in findings if f.pile.value == "sure"][:_TELLING] or list(findings[:_TELLING])
    if best:
        rows = [[_name(f, snapshot), f.pile.value, f"{f.loss_micros / 1e6:,.2f}", f.reason.render()] for f in best]
        lines += ["", "Worth most", table(["where", "pile", f"lost {code}", "why"], rows, right=(2,))]
    held = _held(verdict)
    lines += ["", "What I will not touch", *(f"  {number:>6,}  {name}" for name, number in list(held.items())[:8])]
    protected = (*policy.protect.words, *policy.protect.products)
    lines.append(f"  protected: {', '.join(map(plain, protected)) or 'nothing; add --protect WORD'}")
    if reading.carried_out:
        lines += ["", "What became of earlier sheets", *(f"  {plain(line)}" for line in reading.carried_out[:20])]
    lines += ["", f"Action sheet, {len(verdict.plan)} lines, best first:" if sheet else "Nothing to change."]
    lines += [f"  {path}" for path in sheet]
    lines += ["", _NOTHING_SENT]
    return "\n".join(lines)
