"""The conformance suite on a folder of exports, as far as a venue that only writes a sheet can be held to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.conformance import DictMemory, MarketplaceConformance, Tier, read_quality
from adapters.files import FilesMarketplace
from bidder.core.entities import Account, AccountId
from bidder.ports import AdapterConfig, Marketplace
from tests.adapters.files.exports import TARGETING_HEADINGS, bulk_sheet, save, targeting_row, xlsx_bytes

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
DAYS = 60


class TestFilesMarketplace(MarketplaceConformance):
    """A bulk sheet for structure and bids, a targeting report for sixty days."""

    KNOWN_GAPS: ClassVar[Mapping[str, str]] = {
        "BC-10": "a line of an action sheet is WITHHELD, never CONFIRMED: a person carries it out",
        "BC-11": "same: what could be written is WITHHELD (the refusal of single lines has a test of its own)",
        "BC-18": "same: nothing is paused by writing it down",
        "BC-19": "same: only a later export shows what was carried out",
    }

    @pytest.fixture
    def now(self) -> datetime:
        """A fixed instant."""
        return NOW

    @pytest.fixture
    def account(self) -> Account:
        """An account in New York."""
        return Account(
            id=AccountId("shop"),
            adapter="files",
            remote_id="1",
            owner="me",
            currency="USD",
            time_zone="America/New_York",
        )

    @pytest.fixture
    def marketplace(self, account: Account, tmp_path: Path) -> Marketplace:
        """The port on a folder written an hour ago."""
        rows: list[list[object]] = [TARGETING_HEADINGS]
        for back in range(1, DAYS + 1):
            figures = [100 + back, 5, 3.25, 20 if back % 3 else 0, 1 if back % 3 else 0, 1 if back % 3 else 0]
            day = NOW.date() - timedelta(days=back)
            rows.append(targeting_row(day, "Shoes - Exact", "Running", "running shoes", "EXACT", figures))
        paths = [
            save(tmp_path, "bulk-1-20261001-20261030-1.xlsx", bulk_sheet()),
            save(tmp_path, "targeting.xlsx", xlsx_bytes({"Report": rows})),
        ]
        written = (NOW - timedelta(hours=1)).timestamp()
        for path in paths:
            os.utime(path, (written, written))
        return FilesMarketplace(AdapterConfig(account=account, options={"folder": str(tmp_path)}, memory=DictMemory()))

    @pytest.fixture
    def inventory(self) -> Mapping[str, int]:
        """What the files hold."""
        return {"campaigns": 1, "ad_groups": 1, "targets": 2, "products": 1}


def test_the_quality_it_claims_is_the_quality_it_has(project: Path) -> None:
    """What cannot hold for a folder of files is exempt with its reason, the rest is done."""
    quality = read_quality(project / "adapters" / "files" / "quality.toml")

    assert () == quality.problems
    assert Tier.SILVER is quality.reached
