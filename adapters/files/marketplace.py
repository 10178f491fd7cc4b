"""The marketplace port on a folder of downloaded reports: reads come from the files, writes become an action sheet.

Registered as ``files``. Nothing is ever sent; every change is WITHHELD, written down for a person, and recognised in a
later import. The folder is read again whenever one of its files has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import numpy as np

from adapters.files.actions import ActionLine, build_lines
from adapters.files.assembly import Import
from adapters.files.console import language_of
from adapters.files.folder import fingerprint
from adapters.files.follow_up import FollowUp, follow_up, recall, remember, settings_now
from adapters.files.importing import load
from adapters.files.options import read_options
from adapters.files.said import tell
from adapters.files.sheets import amazon_upload, csv_text, workbook_bytes, write_whole
from adapters.files.venues import profile_of, refusal_of
from bidder.core.calendar import DayRange, require_aware
from bidder.core.change import Change, Field, Outcome, Settings, Status, Value
from bidder.core.entities import AccountId, EntityRef, Structure
from bidder.core.money import NO_CURRENCY
from bidder.core.performance import Grain, Level, PerformanceReport, PerformanceTable, micros_since_epoch
from bidder.core.venue import VenueProfile
from bidder.errors import ConfigError, ContractBroken, InputError, Unavailable
from bidder.ports import API_VERSION, AdapterConfig, FileReading


class FilesMarketplace:
    """One advertiser account worked from a folder of exports.

    Args:
        config: Account, options (see `adapters.files.options.FilesOptions`), memory. No secrets are used.
    """

    API_VERSION: ClassVar[int] = API_VERSION

    def __init__(self, config: AdapterConfig) -> None:
        account = config.account
        currency = "" if account.currency == NO_CURRENCY else account.currency
        self.options = read_options(config.options, currency=currency, time_zone=account.time_zone)
        if self.options.time_zone != account.time_zone:
            raise ConfigError(
                f"is {self.options.time_zone}, the account's is {account.time_zone}; set it on the account",
                key="time_zone",
            )
        self._account = account
        self._loaded: tuple[object, Import] | None = None
        self._written: dict[datetime, list[tuple[Change, str]]] = {}

    def imported(self) -> Import:
        """Return the import of the folder as it stands now, read again only where a file has changed.

        Raises:
            InputError: There is nothing to read, or cells could not be read.
            Unavailable: The folder cannot be listed.
        """
        found = self._load()
        found.require_clean(self.options)
        return found

    def _load(self) -> Import:
        try:
            mark = fingerprint(self.options.folder, beside=self.options.sheet_folder)
        except OSError as exc:
            raise Unavailable(f"the folder {self.options.folder} cannot be read: {exc.strerror}") from exc
        if self._loaded is None or self._loaded[0] != mark:
            self._loaded = (mark, load(self.options))
        return self._loaded[1]

    def _for_the_cycle(self) -> Import:
        """Return the import; what a person must mend stops the account, as any corrupt report does."""
        try:
            return self.imported()
        except InputError as exc:
            raise ContractBroken(str(exc), field=str(self.options.folder)) from exc

    def reading(self) -> FileReading:
        """Say what was read, assumed and counted, and what became of earlier sheets; cells that fail stop nothing.

        Raises:
            InputError: There is no such folder, nothing in it can be counted, or the memory of sheets is damaged.
            Unavailable: The folder cannot be listed.
        """
        found = self._load()
        if found.inspection.span is None:
            found.require_clean(self.options)
        followed = follow_up(recall(self.options.sheet_folder), found.shop, observed_at=found.observed_at)
        return tell(found, followed)

    def profile(self, now: datetime) -> VenueProfile:
        """Return the rules of the console the files come from."""
        profile = profile_of(self._for_the_cycle(), self.options.time_zone, now)
        # Without clicks or orders nothing may be decided: no lever is offered.
        return replace(profile, supports=frozenset()) if self.options.money_only else profile

    def fetch_structure(self, account: AccountId, now: datetime) -> Structure:
        """Return campaigns, ad groups, targets and products, observed when the newest file was written."""
        found = self._for_the_cycle()
        return Structure(
            account_id=account,
            currency=found.currency,
            time_zone=self.options.time_zone,
            campaigns=found.shop.campaigns,
            ad_groups=found.shop.ad_groups,
            targets=found.shop.targets,
            products=found.shop.products,
            balance=None,
            observed_at=min(found.observed_at, require_aware(now)),
        )

    def fetch_performance(
        self, account: AccountId, days: DayRange, grain: Grain, window_days: int, now: datetime
    ) -> PerformanceReport:
        """Return facts by target and day; a folder holds no hours.

        Raises:
            ContractBroken: Another attribution window is asked for than the files have.
        """
        found = self._for_the_cycle()
        if window_days != found.window_days:
            raise ContractBroken(
                f"orders are counted {found.window_days} days after the click, {window_days} were asked for; "
                "windows are never mixed",
                field="window_days",
            )
        observed = min(found.observed_at, require_aware(now))
        if grain is Grain.HOUR:
            facts = PerformanceTable.empty(
                level=Level.TARGET, grain=grain, window_days=window_days, currency=found.currency
            )
            return PerformanceReport(
                facts=facts, products=None, days=days, account_spend_micros=None, observed_at=observed
            )
        facts = found.facts.within(days)
        known = np.minimum(facts.observed_at, micros_since_epoch(observed))
        facts = replace(facts, observed_at=known)  # judged as of an earlier instant, the file counts as known by then
        spend = int(facts.spend_micros.sum())
        return PerformanceReport(
            facts=facts, products=None, days=days, account_spend_micros=spend, observed_at=observed
        )

    def submit(
        self, account: AccountId, changes: Sequence[Change], keys: Sequence[str], now: datetime
    ) -> tuple[Outcome, ...]:
        """Write the changes into the action sheet of this instant.

        Returns:
            WITHHELD for every line written, for a person to carry out; REJECTED for an entity no file names, an amount
            off the console's grid, and all where the sheet cannot be written.
        """
        if not changes:
            return ()
        found, profile = self._for_the_cycle(), self.profile(now)
        refused = {key: refusal_of(change, found, profile) for change, key in zip(changes, keys, strict=True)}
        detail, written = self._write_down([(c, k) for c, k in zip(changes, keys, strict=True) if not refused[k]], now)

        def outcome(key: str) -> Outcome:
            why = refused[key]
            if why is not None:
                return Outcome(key=key, status=Status.REJECTED, code=why[0], detail=why[1])
            if not written:
                return Outcome(key=key, status=Status.REJECTED, code="SHEET_NOT_WRITTEN", detail=detail)
            return Outcome(key=key, status=Status.WITHHELD, code="ACTION_SHEET", detail=detail)

        return tuple(outcome(key) for key in keys)

    def _write_down(self, lines: Sequence[tuple[Change, str]], now: datetime) -> tuple[str, bool]:
        """Add lines to the sheet of this instant; return what to say of them, and whether they were written."""
        pending = self._written.setdefault(now, [])
        known = {key for _, key in pending}
        pending.extend((change, key) for change, key in lines if key not in known)
        if not pending:
            return "there was nothing to write", True
        try:
            path = self.write_sheet([c for c, _ in pending], [k for _, k in pending], now=now)[0]
        except OSError as exc:
            return f"the action sheet could not be written: {exc.strerror}", False
        return f"written to {path.name} for a person to carry out", True

    def write_sheet(
        self, changes: Sequence[Change], keys: Sequence[str], *, now: datetime, folder: Path | None = None
    ) -> tuple[Path, ...]:
        """Write the action sheet as CSV and XLSX, with Amazon's upload file where it applies, and remember its lines.

        Returns:
            The files written, the CSV first.

        Raises:
            OSError: The folder cannot be written.
        """
        found = self.imported()
        language = language_of(self.options.language, found.shop.formats)
        lines = build_lines(found.shop, changes, keys, language)
        target = folder or self.options.sheet_folder
        stamp = f"{require_aware(now):%Y-%m-%d-%H%M%S}"
        files = {
            target / f"actions-{stamp}.csv": csv_text(lines, language),
            target / f"actions-{stamp}.xlsx": workbook_bytes(lines, language),
        }
        upload, _ = amazon_upload(_of_amazon(found, lines))
        if upload is not None:
            files[target / f"amazon-bulk-upload-{stamp}.xlsx"] = upload
        for path, data in files.items():
            write_whole(path, data)
        remember(target, lines, now=require_aware(now))
        return tuple(files)

    def follow_up(self, *, folder: Path | None = None) -> tuple[FollowUp, ...]:
        """Return what became of the lines of earlier sheets, as far as the newest export tells."""
        found = self.imported()
        return follow_up(recall(folder or self.options.sheet_folder), found.shop, observed_at=found.observed_at)

    def read_back(self, account: AccountId, refs: Sequence[EntityRef], now: datetime) -> tuple[Settings, ...]:
        """Return what the newest export states of the entities; one that states nothing is left out."""
        shop = self._for_the_cycle().shop
        standing: dict[EntityRef, dict[Field, Value | None]] = {}
        for (ref, field), value in settings_now(shop).items():
            standing.setdefault(ref, {})[field] = value
        found = []
        for ref in refs:
            values = standing.get(shop.stands_for.get(ref.id, ref), standing.get(ref))
            if values:
                found.append(Settings(ref=ref, values=values))
        return tuple(found)

    def close(self) -> None:
        """Forget the import."""
        self._loaded = None


def _of_amazon(found: Import, lines: Sequence[ActionLine]) -> list[ActionLine]:
    formats = found.shop.formats
    return [line for line in lines if str(formats.get(found.shop.campaign_of(line.ref), "")).startswith("amazon")]
