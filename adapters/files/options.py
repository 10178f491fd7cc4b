"""What a person may set for an account that is worked from files, checked once when the adapter is built."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from adapters.files.days import Order
from adapters.files.mapping import ColumnMapping, read_mapping
from adapters.files.numbers import Mark
from bidder.core.calendar import DayRange, zone
from bidder.core.money import Money
from bidder.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOptions:
    """Options of one account worked from files.

    Attributes:
        folder: Where the reports are saved, or one file.
        currency: ISO code of the account; empty takes what the files say.
        time_zone: Zone whose days the reports count.
        year: Year of days that state none.
        date_order: Order of day and month in dates of figures.
        decimal_mark: Decimal mark of all numbers.
        mappings: Stated column mappings; the first whose pattern fits a file holds for it.
        products: File of products; a file in the folder that looks like one is found by itself.
        protected: File of protected words, one a line; ``protected.txt`` in the folder is found by itself.
        window_days: Attribution window preferred where files offer several.
        order_value: Value of one order, for files without revenue.
        period: Days that undated totals cover.
        account_id: Only rows of this account are taken; rows of others are refused.
        refused: Whether cells that cannot be read ``stop`` the import or their rows are left out (``skip``).
        sheet: Folder the action sheet is written to; ``actions`` beside the reports where absent.
        language: Language of the action sheet's headings; ``auto`` follows the console.
        stand_ins: Where no file states bids or budgets, estimate them from what was paid and advise relative moves.
        money_only: Only spend and revenue are asked for, as a backtest does: files without clicks or orders are read,
            too, and nothing can be changed.
    """

    folder: Path
    currency: str = ""
    time_zone: str = "UTC"
    year: int | None = None
    date_order: Order | None = None
    decimal_mark: Mark | None = None
    mappings: tuple[ColumnMapping, ...] = ()
    products: Path | None = None
    protected: Path | None = None
    window_days: int | None = None
    order_value: Decimal | None = None
    period: DayRange | None = None
    account_id: str = ""
    refused: Literal["stop", "skip"] = "stop"
    sheet: Path | None = None
    language: Literal["auto", "en", "zh"] = "auto"
    stand_ins: bool = False
    money_only: bool = False

    def __post_init__(self) -> None:
        try:
            zone(self.time_zone)
            if self.currency:
                Money.zero(self.currency)
        except ValueError as exc:
            raise ConfigError(str(exc), key="options") from exc

    def mapping_for(self, name: str) -> ColumnMapping | None:
        """Return the stated mapping for a file, or ``None``."""
        return next((mapping for mapping in self.mappings if mapping.fits(name)), None)

    @property
    def sheet_folder(self) -> Path:
        """Folder the action sheet is written to."""
        base = self.folder if self.folder.is_dir() else self.folder.parent
        return self.sheet or base / "actions"


def read_options(options: Mapping[str, object], *, currency: str = "", time_zone: str = "UTC") -> FilesOptions:
    """Check options as they stand in the configuration.

    Args:
        options: Keys of `FilesOptions`; ``mapping`` is a list of tables, or one.
        currency: Of the account, where the options say nothing.
        time_zone: Likewise.

    Raises:
        ConfigError: A key is unknown, missing or malformed; the message names it.
    """
    known = {f.name for f in fields(FilesOptions)} - {"mappings"} | {"mapping"}
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"
            raise ConfigError(f"is no option of the files adapter{hint}", key=key)
    if "folder" not in options:
        raise ConfigError("name the folder your reports are saved in", key="folder")
    stated = {
        "currency": _text(options, "currency") or currency,
        "time_zone": _text(options, "time_zone") or time_zone,
        "account_id": _text(options, "account_id"),
        "year": _whole(options, "year"),
        "window_days": _whole(options, "window_days"),
        "order_value": _amount(options, "order_value"),
        "date_order": _one_of(options, "date_order", tuple(Order)),
        "decimal_mark": _one_of(options, "decimal_mark", tuple(Mark)),
        "refused": _one_of(options, "refused", ("stop", "skip")) or "stop",
        "language": _one_of(options, "language", ("auto", "en", "zh")) or "auto",
        "stand_ins": _flag(options, "stand_ins"),
        "money_only": _flag(options, "money_only"),
    }
    return FilesOptions(
        folder=Path(str(options["folder"])).expanduser(),
        products=_path(options, "products"),
        protected=_path(options, "protected"),
        sheet=_path(options, "sheet"),
        mappings=_mappings(options.get("mapping", ())),
        period=_period(options.get("period")),
        **stated,  # type: ignore[arg-type]  # each value was checked above
    )


def _text(options: Mapping[str, object], key: str) -> str:
    value = options.get(key, "")
    if not isinstance(value, str):
        raise ConfigError(f"expected a text, was {value!r}", key=key)
    return value


def _flag(options: Mapping[str, object], key: str) -> bool:
    value = options.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"expected true or false, was {value!r}", key=key)
    return value


def _path(options: Mapping[str, object], key: str) -> Path | None:
    value = options.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str | Path):
        raise ConfigError(f"expected a path, was {value!r}", key=key)
    return Path(value).expanduser()


def _whole(options: Mapping[str, object], key: str) -> int | None:
    value = options.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ConfigError(f"expected a positive whole number, was {value!r}", key=key)


def _amount(options: Mapping[str, object], key: str) -> Decimal | None:
    value = options.get(key)
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ConfigError(f"expected a positive amount, was {value!r}", key=key)
    return amount


def _one_of(options: Mapping[str, object], key: str, choices: Sequence[str]) -> str | None:
    value = options.get(key)
    if value is None:
        return None
    for choice in choices:
        if value == choice:
            return choice
    raise ConfigError(f"expected one of {', '.join(choices)}, was {value!r}", key=key)


def _mappings(value: object) -> tuple[ColumnMapping, ...]:
    if isinstance(value, ColumnMapping):
        return (value,)
    if isinstance(value, Mapping):
        return (read_mapping(value),)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError("expected a list of mapping tables", key="mapping")
    return tuple(m if isinstance(m, ColumnMapping) else _mappings(m)[0] for m in value)


def _period(value: object) -> DayRange | None:
    if value is None or isinstance(value, DayRange):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:  # noqa: PLR2004
        try:
            first, last = (v if isinstance(v, date) else date.fromisoformat(str(v)) for v in value)
            return DayRange(first=first, last=last)
        except ValueError as exc:
            raise ConfigError(f"expected two days such as 2026-10-01, was {value!r}", key="period") from exc
    raise ConfigError(f"expected the first and the last day, was {value!r}", key="period")
