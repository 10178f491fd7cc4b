"""The account's structure, kept as intervals: only what changed is written, and any past version can be rebuilt."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from bidder.core.entities import Structure
from bidder.core.performance import Level
from bidder.errors import StoreError
from bidder.store.accounts import AccountRecord
from bidder.store.database import new_id
from bidder.store.encoding import canonical
from bidder.store.entities import NOUNS, Entity, Noun, listed, micros_of, money_of
from models import AccountRow, StructureVersionRow
from models.tables import table_of

_VERSIONS = table_of(StructureVersionRow)
_ACCOUNTS = table_of(AccountRow)
_MODULUS = 2**256

Order = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Known:
    entity: Entity
    digest: int


class StructureBook:
    """What one account was last seen to hold.

    Args:
        record: The account.
        version: Number of the version that stands, ``None`` before the first.
    """

    def __init__(self, record: AccountRecord) -> None:
        self.record = record
        self.version: int | None = None
        self.structure: Structure | None = None
        self.digest = ""
        self._known: dict[str, dict[str, _Known]] = {noun.name: {} for noun in NOUNS}
        self._campaigns: dict[Level, dict[str, str]] = {}
        self._total = 0

    @classmethod
    def load(cls, connection: Connection, record: AccountRecord) -> StructureBook:
        """Read the version that stands."""
        book = cls(record)
        newest = select(_VERSIONS.c.id).where(_VERSIONS.c.account_id == record.number)
        book.version = connection.execute(newest.order_by(_VERSIONS.c.id.desc()).limit(1)).scalar()
        if book.version is None:
            return book
        structure = read_version(connection, record, book.version, observed_at=record.structure_at)
        book._adopt(structure, {noun.name: _differences({}, listed(structure)[noun.name], noun, record)
                                for noun in NOUNS}, {noun.name: () for noun in NOUNS})  # fmt: skip
        return book

    def save(self, connection: Connection, structure: Structure) -> None:
        """Write what changed, in the caller's transaction."""
        self._check(structure)
        entities = listed(structure)
        changed = {noun.name: _differences(self._known[noun.name], entities[noun.name], noun, self.record)
                   for noun in NOUNS}  # fmt: skip
        gone = {noun.name: tuple(self._known[noun.name].keys() - {e.id for e in entities[noun.name]})
                for noun in NOUNS}  # fmt: skip
        before = self.structure
        reordered = before is None or _order(before) != _order(structure)
        moved = reordered or any(changed.values()) or any(gone.values())
        version = self.version
        balance = micros_of(structure.balance, structure.currency, "balance")
        if moved or before is None or before.balance != structure.balance:
            row = {
                "account_id": self.record.number,
                "observed_at": structure.observed_at,
                "balance_micros": balance,
                "id_order": _packed(_order(structure)) if reordered else None,
            }
            version = new_id(connection.execute(insert(_VERSIONS).values(row)))
            for noun in NOUNS:
                _write(connection, noun, self.record, version, changed[noun.name], gone[noun.name])
        seen = {"balance_micros": balance, "structure_at": structure.observed_at}
        connection.execute(update(_ACCOUNTS).where(_ACCOUNTS.c.id == self.record.number).values(seen))
        self.version = version
        self._adopt(structure, changed, gone)

    def campaigns_of(self, level: Level) -> Mapping[str, str]:
        """Return the campaign of each ad group or target."""
        if level not in self._campaigns and self.structure is not None:
            entities = self.structure.ad_groups if level is Level.AD_GROUP else self.structure.targets
            self._campaigns[level] = {entity.id: entity.campaign_id for entity in entities}
        return self._campaigns.get(level, {})

    def digest_of(self, structure: Structure) -> str:
        """Return the digest of a structure's contents; nearly free for the one that stands."""
        if structure is self.structure:
            return self.digest
        total = sum(
            _digest(noun, noun.columns(entity, structure.currency))
            for noun in NOUNS
            for entity in listed(structure)[noun.name]
        )
        return _sealed(structure, total)

    def _adopt(
        self, structure: Structure, changed: Mapping[str, list[tuple[Entity, dict[str, Any]]]],
        gone: Mapping[str, tuple[str, ...]],
    ) -> None:  # fmt: skip
        for noun in NOUNS:
            known = self._known[noun.name]
            for identity in gone[noun.name]:
                self._total -= known.pop(identity).digest
            for entity, columns in changed[noun.name]:
                digest = _digest(noun, columns)
                old = known.get(entity.id)
                self._total += digest - (0 if old is None else old.digest)
                known[entity.id] = _Known(entity, digest)
        self._campaigns.clear()
        self.structure = structure
        self.digest = _sealed(structure, self._total)

    def _check(self, structure: Structure) -> None:
        account = self.record.account
        found = (structure.account_id, structure.currency, structure.time_zone)
        expected = (account.id, account.currency, account.time_zone)
        if found != expected:
            raise StoreError(f"the structure is of {found}, expected {expected}; nothing was saved")


def read_version(
    connection: Connection, record: AccountRecord, version: int, *, observed_at: datetime | None = None
) -> Structure:
    """Rebuild the structure as it stood in one version, in the venue's order.

    Args:
        connection: A transaction.
        record: The account.
        version: The version.
        observed_at: When it was seen, where it was seen again unchanged after the version was written.
    """
    row = connection.execute(select(_VERSIONS).where(_VERSIONS.c.id == version)).one()
    ordered = select(_VERSIONS.c.id_order).where(
        _VERSIONS.c.account_id == record.number, _VERSIONS.c.id <= version, _VERSIONS.c.id_order.is_not(None)
    )
    packed = connection.execute(ordered.order_by(_VERSIONS.c.id.desc()).limit(1)).scalar_one()
    order = json.loads(zlib.decompress(packed))
    account = record.account
    found: dict[str, tuple[Any, ...]] = {}
    for noun in NOUNS:
        table = noun.table
        standing = select(table).where(
            table.c.account_id == record.number,
            table.c.since_version <= version,
            or_(table.c.until_version.is_(None), table.c.until_version > version),
        )
        by_id = {r.remote_id: noun.read(r, account.currency) for r in connection.execute(standing)}
        found[noun.name] = tuple(by_id[identity] for identity in order[noun.name])
    return Structure(
        account_id=account.id,
        currency=account.currency,
        time_zone=account.time_zone,
        balance=money_of(row.balance_micros, account.currency),
        observed_at=observed_at or row.observed_at,
        **found,
    )


def _differences(
    known: Mapping[str, _Known], entities: Sequence[Entity], noun: Noun, record: AccountRecord
) -> list[tuple[Entity, dict[str, Any]]]:
    """Return entities that are new or not what they were, with their columns."""
    currency = record.account.currency
    return [
        (entity, noun.columns(entity, currency))
        for entity in entities
        if (old := known.get(entity.id)) is None or (old.entity is not entity and old.entity != entity)
    ]


def _write(
    connection: Connection,
    noun: Noun,
    record: AccountRecord,
    version: int,
    changed: list[tuple[Entity, dict[str, Any]]],
    gone: Sequence[str],
) -> None:
    """End the intervals of what changed or is gone, and begin the new ones."""
    table = noun.table
    ended = [*gone, *(entity.id for entity, _ in changed)]
    if ended:
        end = update(table).where(
            table.c.account_id == record.number,
            table.c.remote_id == bindparam("ended"),
            table.c.until_version.is_(None),
        )
        connection.execute(end.values(until_version=version), [{"ended": identity} for identity in ended])
    if changed:
        common = {"account_id": record.number, "since_version": version}
        connection.execute(insert(table), [{**common, **columns} for _, columns in changed])


def _order(structure: Structure) -> dict[str, list[str]]:
    return {name: [entity.id for entity in entities] for name, entities in listed(structure).items()}


def _packed(order: Order) -> bytes:
    return zlib.compress(canonical(order).encode())


def _digest(noun: Noun, columns: Mapping[str, Any]) -> int:
    """Return a number for one entity's contents; their sum stands for the set of all."""
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in columns.items()}
    return int.from_bytes(hashlib.sha256(f"{noun.name}{canonical(plain)}".encode()).digest(), "big")


def _sealed(structure: Structure, total: int) -> str:
    balance = None if structure.balance is None else structure.balance.micros
    ends = canonical([structure.account_id, structure.currency, structure.time_zone, balance, str(total % _MODULUS)])
    return hashlib.sha256(f"{ends}{canonical(_order(structure))}".encode()).hexdigest()
