"""The adapter of docs/adapters.md is complete: it passes the conformance suite, and the page shows it as it is."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.conformance import DictMemory, Faults, MarketplaceConformance
from bidder.core.entities import Account, AccountId
from bidder.ports import AdapterConfig, Marketplace
from bidder.secrets import Secret
from tests.adapters.conformance.corner_shop import KEY, CornerShopFaults, CornerShopVenue, corner_shop

NOW = datetime(2026, 6, 18, 10, tzinfo=UTC)


def corner_shop_class(project: Path) -> Callable[[AdapterConfig], Marketplace]:
    """Load the example as a stranger's module."""
    spec = importlib.util.spec_from_file_location("tiny_adapter", project / "docs" / "examples" / "tiny_adapter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[AdapterConfig], Marketplace] = module.CornerShop
    return found


class TestCornerShop(MarketplaceConformance):
    """The example over its imaginary venue."""

    @pytest.fixture
    def venue(self) -> Iterator[CornerShopVenue]:
        """The venue's server."""
        with corner_shop(NOW.date()) as venue:
            yield venue

    @pytest.fixture
    def now(self) -> datetime:
        """A fixed instant."""
        return NOW

    @pytest.fixture
    def account(self) -> Account:
        """An account in Berlin."""
        return Account(
            id=AccountId("corner"),
            adapter="corner",
            remote_id="1",
            owner="me",
            currency="EUR",
            time_zone="Europe/Berlin",
        )

    @pytest.fixture
    def secrets(self) -> Sequence[Secret]:
        """The only secret."""
        return (Secret(KEY),)

    @pytest.fixture
    def marketplace(self, project: Path, venue: CornerShopVenue, account: Account) -> Iterator[Marketplace]:
        """The example."""
        config = AdapterConfig(
            account=account,
            options={"base_url": venue.url, "read_seconds": 1.5},
            secrets={"api_key": Secret(KEY)},
            memory=DictMemory(),
        )
        market = corner_shop_class(project)(config)
        yield market
        market.close()

    @pytest.fixture
    def faults(self, venue: CornerShopVenue) -> Faults:
        """The venue's faults."""
        return CornerShopFaults(venue)


def test_page_shows_the_example_as_it_is(project: Path) -> None:
    """The code on the page is the code that passes."""
    page = (project / "docs" / "adapters.md").read_text(encoding="utf-8")
    example = (project / "docs" / "examples" / "tiny_adapter.py").read_text(encoding="utf-8")

    assert f"```python\n{example}```" in page
