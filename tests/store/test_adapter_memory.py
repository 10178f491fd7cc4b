"""The adapters' memory: durable, apart for each account and adapter, atomic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bidder.core.entities import AccountId
from bidder.errors import InvariantBroken
from bidder.store import SqlStore
from tests.store.conftest import Opener
from tests.store.shop import SHOP


def test_values_survive_a_restart(store: SqlStore, opened: Opener) -> None:
    """What was put is found by the next process."""
    store.adapter_memory(SHOP).put("job", '{"id":1}')
    store.adapter_memory(SHOP).put("job", '{"id":2}')

    assert '{"id":2}' == opened().adapter_memory(SHOP).get("job")


def test_accounts_and_adapters_do_not_see_each_other(store: SqlStore) -> None:
    """One key means something else to each."""
    store.adapter_memory(SHOP).put("job", "1")

    others = (replace(SHOP, id=AccountId("other")), replace(SHOP, adapter="files"))

    assert [None, None] == [store.adapter_memory(account).get("job") for account in others]


def test_forgetting_is_fine_twice(store: SqlStore) -> None:
    """Also for a key that was never there."""
    memory = store.adapter_memory(SHOP)
    memory.put("job", "1")

    memory.delete("job")
    memory.delete("job")

    assert memory.get("job") is None


def test_swap_writes_only_over_what_was_expected(store: SqlStore) -> None:
    """A token rotated by somebody else is not lost."""
    memory = store.adapter_memory(SHOP)

    done = [memory.swap("t", None, "1"), memory.swap("t", None, "2"), memory.swap("t", "1", "3")]

    assert ([True, False, True], "3") == (done, memory.get("t"))


@pytest.mark.parametrize("value", ["no json", "1" * 70_000])
def test_what_is_no_small_json_text_is_refused(store: SqlStore, value: str) -> None:
    """An adapter that keeps such a thing is wrong."""
    with pytest.raises(InvariantBroken):
        store.adapter_memory(SHOP).put("job", value)


def test_concurrent_counters_lose_nothing(opened: Opener) -> None:
    """Four processes' worth of connections count together; the driver's defaults lose a tenth here."""
    stores = [opened() for _ in range(4)]
    stores[0].adapter_memory(SHOP).put("n", "0")

    def count(store: SqlStore) -> None:
        memory = store.adapter_memory(SHOP)
        for _ in range(15):
            while True:
                old = memory.get("n")
                if memory.swap("n", old, str(int(old or 0) + 1)):
                    break

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, stores))

    assert "60" == stores[0].adapter_memory(SHOP).get("n")
