"""What `bidder audit` and `bidder backtest` share: whose reports they are and how their columns are to be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bidder.errors import InputError

if TYPE_CHECKING:
    from bidder.core.entities import Account


def reader(name: str, currency: str | None, time_zone: str) -> Account:
    """Return the account that downloaded reports are read for; it is on no record.

    Without a currency the files may say one.

    Raises:
        InputError: There is no such currency or time zone.
    """
    from bidder.core.entities import Account, AccountId
    from bidder.core.money import NO_CURRENCY

    try:
        return Account(
            id=AccountId(name),
            adapter="files",
            remote_id=name,
            owner=name,
            currency=currency or NO_CURRENCY,
            time_zone=time_zone,
        )
    except ValueError as error:
        raise InputError(str(error), place="--currency, --time-zone") from error


def mappings(path: Path) -> object:
    """Return the column mappings of a TOML file.

    Raises:
        InputError: It is no TOML.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("mapping", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is no TOML: {error}", place=str(path)) from error
