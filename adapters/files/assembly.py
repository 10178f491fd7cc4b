"""Put the readings of an import together: one currency, one window, one account; days, domain objects, every sum.

The second half of `adapters.files.importing`; pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from adapters.files.building import Shop, ShopBuilder, build_table
from adapters.files.facts import Reading
from adapters.files.identity import Identities
from adapters.files.inspection import FileReport, Found, Inspection
from adapters.files.mapping import METRICS, MONEY, Role
from adapters.files.numbers import SHARED_SIGNS
from adapters.files.options import FilesOptions
from adapters.files.overlap import Merged, Placed, merge
from adapters.files.products import Goods, read_products
from adapters.files.refusals import Refusal, summarise
from adapters.files.spreading import Spread, spread
from adapters.files.standins import stand_in
from adapters.files.tables import Table
from adapters.files.totals import Exclusion, Reconciliation, Sums, add_up, build_checks
from bidder.core.calendar import DayRange, day_of, day_start, from_ordinal
from bidder.core.money import MICROS, NO_CURRENCY
from bidder.core.performance import Grain, Level, PerformanceTable, micros_since_epoch
from bidder.errors import InputError

_UNDATED_DAYS = 30
_SHOWN_REFUSALS = 8
_USUAL_WINDOW = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An account as its files tell it.

    Attributes:
        inspection: What was found, for people.
        shop: Entities.
        facts: Daily facts at the level of targets.
        currency: Of all amounts; ``XXX`` where unknown.
        window_days: Attribution window.
        observed_at: When the newest report was written, UTC.
        protected_words: Words of targets that are never paused.
        protected_products: Products that are never paused.
    """

    inspection: Inspection
    shop: Shop
    facts: PerformanceTable
    currency: str
    window_days: int
    observed_at: datetime
    protected_words: tuple[str, ...] = ()
    protected_products: tuple[str, ...] = ()

    def require_clean(self, options: FilesOptions) -> None:
        """Raise unless everything could be read, or a person said to leave out what could not.

        Raises:
            InputError: Cells could not be read, no report is there, or none has what decisions need.
        """
        refusals = self.inspection.refusals
        if refusals and options.refused == "stop":
            first, *others = summarise(refusals, shown=_SHOWN_REFUSALS)
            place = refusals[0].place
            raise InputError(
                "\n".join((first.removeprefix(f"{place}: "), *others))
                + "\nNothing was changed. Rows that cannot be read are left out, with their money named, by "
                'refused = "skip" (bidder audit: --skip-bad-rows)',
                place=place,
            )
        if self.inspection.span is None:
            reasons = [f"{f.name}: {f.why}" for f in self.inspection.files if f.why]
            raise InputError(
                f"found no report on advertising to decide from: {'; '.join(reasons) or 'the folder has no files'}",
                place=self.inspection.folder,
            )


@dataclass(slots=True)
class FoundFiles:
    """What reading the files gave, before anything is put together."""

    readings: list[Reading] = field(default_factory=list)
    products: list[Table] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    reports: list[FileReport] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    newest: datetime = datetime(1970, 1, 1, tzinfo=UTC)


class Assembly:
    """Puts readings together; holds what its steps share."""

    def __init__(self, options: FilesOptions, found: FoundFiles) -> None:
        self.options, self.found = options, found
        self.readings = found.readings
        self.refusals = found.refusals + [r for reading in found.readings for r in reading.refusals]
        self.sentences = found.sentences

    def assemble(self) -> Import:
        """Return the account, with everything that was found on the way."""
        self._check_accounts()
        currency, said = self._currency()
        window = self._window()
        goods = self._goods(currency)
        names = [f.names for r in self.readings for f in r.facts] + [s.names for r in self.readings for s in r.settings]
        identities = Identities(names)
        placed = self._place(identities)
        usable = [p for p in placed if not self.readings[p.reading].gaps]
        merged = merge(self.readings, usable)
        figures = spread(merged.kept)
        shop = ShopBuilder(self.readings, merged.kept, identities, goods, currency).build()
        observed = self._observed(merged)
        facts = (
            build_table(figures, currency=currency, window_days=window, observed_micros=micros_since_epoch(observed))
            if merged.kept
            else PerformanceTable.empty(level=Level.TARGET, grain=Grain.DAY, window_days=window, currency=currency)
        )
        if self.options.stand_ins:
            shop = stand_in(shop, facts)
        self.sentences.extend((*identities.sentences(), *merged.sentences, *figures.sentences, *shop.sentences))
        inspection = self._inspection(merged, figures, facts, currency, said, window)
        return Import(
            inspection=inspection,
            shop=shop,
            facts=facts,
            currency=currency,
            window_days=window,
            observed_at=observed,
            protected_words=tuple(dict.fromkeys(self.found.words)),
            protected_products=goods.protected,
        )

    # What must agree across files

    def _check_accounts(self) -> None:
        """Refuse files that name another account than is set, than others here, or several at once."""
        wanted = _plain_id(self.options.account_id)
        first: dict[str, str] = {}
        for reading in self.readings:
            names = {kind: sorted(found) for kind, found in _by_kind(reading.accounts).items()}
            for kind, found in names.items():
                known = first.setdefault(kind, found[0])
                if len(found) > 1:
                    problem = f"holds rows of {len(found)} accounts: {', '.join(found[:3])}"
                elif wanted and kind == "id" and _plain_id(found[0]) != wanted:
                    problem = f"is a report for the account {found[0]}, expected {self.options.account_id}"
                elif _plain_id(found[0]) != _plain_id(known):
                    problem = f"is a report for the account {found[0]}, others here are for {known}"
                else:
                    continue
                remedy = "Keep each account's reports in a folder of its own"
                self.refusals.append(Refusal(file=reading.name, problem=problem, remedy=remedy))

    def _currency(self) -> tuple[str, str]:
        """Return the one currency and where it comes from; refuse files in another."""
        wanted = self.options.currency
        stated: dict[str, str] = {}
        for reading in self.readings:
            if reading.currency and (reading.currency_stated or not wanted):
                stated.setdefault(reading.currency, reading.name)
        expected = wanted or next(iter(stated), "")
        for reading in self.readings:
            found = reading.currency if reading.currency in stated else ""
            sign = reading.shared_sign
            if (found and found != expected) or (wanted and sign and wanted not in SHARED_SIGNS[sign]):
                said = "the account is set to" if wanted else f"{stated[expected]} is in"
                self.refusals.append(
                    Refusal(
                        file=reading.name,
                        problem=f"holds amounts in {found or sign}, {said} {expected}",
                        remedy="Import reports of one currency, and set the account's currency to it",
                    )
                )
        if wanted:
            return wanted, "as set for the account"
        if stated:
            return expected, f"as {stated[expected]} says"
        sign = next((r.shared_sign for r in self.readings if r.shared_sign), "")
        hint = f" (amounts carry the sign {sign}, which several currencies share)" if sign else ""
        return NO_CURRENCY, f"not stated by any file{hint}; set currency to see it named"

    def _window(self) -> int:
        """Return the one attribution window; a console's usual one gives way to one that is stated."""
        counting = [r for r in self.readings if r.facts and r.present & {Role.ORDERS, Role.REVENUE}]
        stated = {r.window_days: r.name for r in counting if r.window_stated}
        if len(stated) > 1:
            listed = ", ".join(f"{days} days in {name}" for days, name in sorted(stated.items()))
            self.refusals.append(
                Refusal(
                    file=self.options.folder.name,
                    problem=f"orders are counted in different windows: {listed}",
                    remedy="Never mix attribution windows: export all reports with the same one",
                )
            )
        return min(stated or {r.window_days for r in counting}, default=self.options.window_days or _USUAL_WINDOW)

    def _goods(self, currency: str) -> Goods:
        if not self.found.products:
            return Goods()
        goods = read_products(self.found.products[0], currency)
        self.refusals.extend(goods.refusals)
        self.sentences.extend(goods.sentences)
        table = self.found.products[0]
        self.found.reports.append(
            FileReport(
                name=table.name,
                found=Found.SIDE_FILE,
                why=f"{len(goods.products)} products",
                encoding=table.grid.encoding,
                delimiter=table.grid.delimiter,
                heading_row=table.heading_row,
            )
        )
        for extra in self.found.products[1:]:
            self.refusals.append(
                Refusal(
                    file=extra.name,
                    problem=f"is a second file of products beside {table.name}",
                    remedy="Keep one file of products",
                )
            )
        return goods

    # Days

    def _place(self, identities: Identities) -> list[Placed]:
        placed = []
        for index, reading in enumerate(self.readings):
            assumed = self._assumed(reading)
            if assumed is not None:
                self.readings[index] = replace(
                    reading,
                    sentences=(
                        *reading.sentences,
                        (
                            f"no day is stated: its rows are taken as totals of {assumed.first} to {assumed.last}, "
                            f"the {_UNDATED_DAYS} days before the file was written; state period to change that"
                        ),
                    ),
                )
            for fact in reading.facts:
                days = fact.days or assumed
                assert days is not None  # noqa: S101  (assumed where any fact has none)
                placed.append(Placed(fact=fact, ids=identities.resolve(fact.names), reading=index, days=days))
        return placed

    def _assumed(self, reading: Reading) -> DayRange | None:
        if all(fact.days is not None for fact in reading.facts):
            return None
        written = day_of(reading.table.grid.source.modified_at, self.options.time_zone)
        return DayRange.ending(written - timedelta(days=1), days=_UNDATED_DAYS)

    def _observed(self, merged: Merged) -> datetime:
        """Return when the newest report was written, never before the last day it speaks of began."""
        last = max((p.days.last for p in merged.kept), default=None)
        if last is None:
            return self.found.newest
        return max(self.found.newest, day_start(last, self.options.time_zone))

    # The account of every figure

    def _inspection(
        self, merged: Merged, figures: Spread, facts: PerformanceTable, currency: str, said: str, window: int
    ) -> Inspection:
        counted: dict[int, list[tuple[Decimal | None, ...]]] = defaultdict(list)
        for item in merged.kept:
            counted[item.reading].append(item.fact.values)
        left_out: dict[int, list[Exclusion]] = defaultdict(list)
        for index, exclusion in merged.exclusions:
            left_out[index].append(exclusion)
        reports = list(self.found.reports)
        accounts: list[tuple[Sums, tuple[Exclusion, ...]]] = []
        for index, reading in enumerate(self.readings):
            exclusions = (*reading.exclusions, *left_out[index], *_gap_exclusion(reading))
            account = (reading.in_file, exclusions)
            if not reading.gaps:
                accounts.append(account)
            reports.append(self._file_report(reading, add_up(counted[index]), exclusions))
        whole = self._whole(accounts, figures, facts) if accounts else None
        days = [d for f in reports if f.found is Found.READ and f.daily for d in f.missing_days]
        covered = {from_ordinal(int(d)) for d in facts.day}
        return Inspection(
            folder=str(self.options.folder),
            files=tuple(sorted(reports, key=lambda f: f.name)),
            currency=currency,
            currency_said=said,
            span=facts.span(),
            missing_days=tuple(sorted(set(days) - covered)),
            sentences=tuple(dict.fromkeys(self.sentences)),
            refusals=tuple(self.refusals),
            reconciliation=whole,
            window_days=window,
        )

    def _file_report(self, reading: Reading, imported: Sums, exclusions: tuple[Exclusion, ...]) -> FileReport:
        label, stated = reading.stated[0] if reading.stated else ("", {})
        nothing: Sums = (None,) * len(METRICS)
        for text, sums in reading.stated:
            if all(
                sums.get(role) == total for role, total in zip(METRICS, reading.in_file, strict=True) if role in sums
            ):
                label, stated = text, sums
        return FileReport(
            name=reading.name,
            found=Found.TOTALS_ONLY if reading.gaps else Found.READ,
            why="; ".join(reading.gaps),
            format=reading.format,
            encoding=reading.table.grid.encoding,
            delimiter=reading.table.grid.delimiter,
            heading_row=reading.table.heading_row,
            rows=len(reading.facts),
            mapping=reading.mapping,
            sentences=reading.sentences,
            unused=reading.unused,
            span=reading.span,
            daily=reading.daily,
            missing_days=_missing_days(reading),
            reconciliation=Reconciliation(
                name=reading.name,
                exclusions=exclusions,
                totals_rows=(label,) if label else (),
                checks=build_checks(reading.in_file, imported, exclusions, nothing, stated),
            ),
        )

    def _whole(
        self, accounts: Sequence[tuple[Sums, tuple[Exclusion, ...]]], figures: Spread, facts: PerformanceTable
    ) -> Reconciliation:
        in_files = add_up([sums for sums, _ in accounts])
        exclusions = tuple(e for _, found in accounts for e in found)
        imported = tuple(None if in_files[at] is None else _column_sum(facts, at) for at in range(len(METRICS)))
        adjusted = tuple(figures.adjusted)
        return Reconciliation(
            name=str(self.options.folder),
            exclusions=exclusions,
            adjustments=tuple(figures.sentences),
            checks=build_checks(in_files, imported, exclusions, adjusted, {}),
        )


def _by_kind(accounts: frozenset[str]) -> dict[str, set[str]]:
    """Sort ``id:...`` and ``name:...`` apart."""
    found: dict[str, set[str]] = defaultdict(set)
    for account in accounts:
        kind, _, name = account.partition(":")
        found[kind].add(name)
    return found


def _plain_id(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _gap_exclusion(reading: Reading) -> tuple[Exclusion, ...]:
    if not reading.gaps or not reading.facts:
        return ()
    sums = add_up([fact.values for fact in reading.facts])
    return (Exclusion(reason="; ".join(reading.gaps), rows=len(reading.facts), sums=sums),)


def _missing_days(reading: Reading) -> tuple[date, ...]:
    span = reading.span
    if span is None or not reading.daily:
        return ()
    present = {fact.days.first for fact in reading.facts if fact.days is not None}
    return tuple(day for day in span if day not in present)


_COLUMNS = ("impressions", "clicks", "spend_micros", "orders", "units", "revenue_micros", "carts", "favourites")


def _column_sum(facts: PerformanceTable, at: int) -> Decimal:
    """Return the exact sum of a column, in units for money, passing over what is not reported."""
    column = getattr(facts, _COLUMNS[at])
    total = sum(int(v) for v in column[column >= 0])
    return Decimal(total) / MICROS if METRICS[at] in MONEY else Decimal(total)
