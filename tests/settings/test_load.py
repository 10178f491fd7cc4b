"""Every fault is told at once with its line; no half of a file is ever used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bidder.core.money import Money
from bidder.errors import ConfigError
from bidder.settings import ConfigFaults, Settings, build, load, parse

VALID = """\
mode = "live"

[policy.limits]
max_bid_step_ratio = 0.15
bid_floor = "0.30"

[policy.lifecycle.slow_age_days]
apparel = 25

[accounts.main]
adapter = "mock"
remote_id = "shop-1"
currency = "CNY"
time_zone = "Asia/Shanghai"
daily_cap = "1500.00"
month_plan = "40000"

[accounts.main.policy.limits]
bid_ceiling = "4.50"

[accounts.other]
adapter = "mock"
remote_id = "shop-2"
currency = "USD"
time_zone = "America/New_York"
daily_cap = "90.50"

[end]
of_file = true
"""


def settings_of(text: str) -> Settings:
    """Build settings from a text."""
    return build(parse(text, source="bidder.toml"), folder=Path())


def faults_of(text: str) -> list[tuple[int, str, str]]:
    """Return the faults of a text as line, key and message."""
    with pytest.raises(ConfigFaults) as caught:
        settings_of(text)
    return [(fault.line, fault.key, fault.message) for fault in caught.value.faults]


def test_account_rules_lie_over_shared_rules_over_defaults() -> None:
    """Single keys override; categories that are not named keep their defaults; amounts take the account's currency."""
    settings = settings_of(VALID)

    main, other = (account.policy for account in settings.accounts)
    assert Money.of("1500", "CNY") == main.cap
    assert (Money.of("0.3", "CNY"), Money.of("4.5", "CNY")) == (main.limits.bid_floor, main.limits.bid_ceiling)
    assert (Money.of("0.3", "USD"), None) == (other.limits.bid_floor, other.limits.bid_ceiling)
    assert 0.15 == main.limits.max_bid_step_ratio == other.limits.max_bid_step_ratio
    assert {"apparel": 25, "appliances": 60, "default": 45} == main.lifecycle.slow_age_days


def test_sale_events_follow_the_currency_unless_named() -> None:
    """A Chinese shop gets 6.18 without asking, an American one Prime Day; a list replaces both."""
    settings = settings_of(VALID)
    named = settings_of(VALID.replace("[accounts.main]", '[calendar]\nbuilt_in = ["12.12"]\n\n[accounts.main]'))

    main, other = ({event.name.rpartition(" ")[0] for event in a.policy.events} for a in settings.accounts)
    assert {"6.18", "11.11", "12.12"} == main
    assert {"Prime Day", "Black Friday"} == other
    assert {"12.12"} == {event.name.rpartition(" ")[0] for event in named.accounts[1].policy.events}


def test_an_own_event_replaces_the_built_in_one_of_its_name() -> None:
    """Venues move days; the person's word stands."""
    event = '[[calendar.events]]\nname = "11.11 2026"\nfirst = 2026-11-09\nlast = 2026-11-12\n\n[accounts.main]'
    settings = settings_of(VALID.replace("[accounts.main]", event))

    found = [e for e in settings.accounts[0].policy.events if e.name == "11.11 2026"]
    assert ["2026-11-09"] == [str(e.first) for e in found]


def test_all_faults_are_told_at_once_with_line_and_nearest_name() -> None:
    """One run of the check is enough to mend a file."""
    text = VALID.replace("max_bid_step_ratio = 0.15", "max_bid_step = 0.15")
    text = text.replace('daily_cap = "1500.00"', "daily_cap = 1500.00").replace('"Asia/Shanghai"', '"Asia/Shangai"')
    text = text.replace('currency = "USD"', 'curency = "USD"').replace('bid_ceiling = "4.50"', "bid_ceiling = 4.5")

    found = faults_of(text)

    assert [
        (4, "policy.limits.max_bid_step", "unknown key; did you mean max_bid_step_ratio?"),
        (14, "accounts.main.time_zone", "should be an IANA time zone; did you mean Asia/Shanghai?, was 'Asia/Shangai'"),
        (15, "accounts.main.daily_cap", 'write the amount as quoted text, such as "1500.00", was 1500.0'),
        (19, "accounts.main.policy.limits.bid_ceiling", 'write the amount as quoted text, such as "0.50"'),
        (21, "accounts.other.currency", "is required and missing"),
        (24, "accounts.other.curency", "unknown key; did you mean currency?"),
    ] == found


@pytest.mark.parametrize(
    ("written", "instead", "key"),
    [
        ('daily_cap = "1500.00"', 'daily_cap = "0"', "accounts.main.daily_cap"),
        ('daily_cap = "1500.00"', 'daily_cap = "-5"', "accounts.main.daily_cap"),
        ('daily_cap = "1500.00"', 'daily_cap = "1,500.00"', "accounts.main.daily_cap"),
        ('daily_cap = "1500.00"', 'daily_cap = "1e3"', "accounts.main.daily_cap"),
        ('daily_cap = "1500.00"', 'daily_cap = "1500.0000001"', "accounts.main.daily_cap"),
        ('daily_cap = "1500.00"', "", "accounts.main.daily_cap"),
        ("max_bid_step_ratio = 0.15", "max_bid_step_ratio = nan", "policy.limits.max_bid_step_ratio"),
        ("max_bid_step_ratio = 0.15", "max_bid_step_ratio = inf", "policy.limits.max_bid_step_ratio"),
        ("max_bid_step_ratio = 0.15", "max_bid_step_ratio = true", "policy.limits.max_bid_step_ratio"),
        ("max_bid_step_ratio = 0.15", 'max_bid_step_ratio = "0.15"', "policy.limits.max_bid_step_ratio"),
        ('bid_floor = "0.30"', 'bid_floor = { micros = 1, currency = "USD" }', "policy.limits.bid_floor"),
        ('bid_floor = "0.30"', 'bid_floor = "9.00"', "accounts.main.policy.limits.bid_ceiling"),
        ('mode = "live"', 'mode = "Live"', "mode"),
        ("apparel = 25", "apparel = 2.5", "policy.lifecycle.slow_age_days.apparel"),
        ('remote_id = "shop-2"', 'remote_id = "shop-1"', "accounts.other.remote_id"),
        ("[accounts.other]", '[accounts."Other Shop"]', 'accounts."Other Shop"'),
        ('currency = "CNY"', 'currency = "Yuan"', "accounts.main.currency"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(written: str, instead: str, key: str) -> None:
    """The key to blame is named, whatever is wrong with it."""
    assert written in VALID

    found = faults_of(VALID.replace(written, instead))

    assert [key] == [where for _, where, _ in found]
    assert found[0][0] > 0


@pytest.mark.parametrize(
    "secret",
    [
        'secrets = { token = "s3cr3t-canary" }',
        'secrets = { token = ["env:OK", "s3cr3t-canary"] }',
        'secrets = { token = "env:s3cr3t canary" }',
        'token = "s3cr3t-canary"',
        'options = "s3cr3t-canary"',
        'policy = { token = "s3cr3t-canary" }',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(secret: str) -> None:
    """People paste tokens into the wrong place; the message must not spread them."""
    text = VALID.replace("[accounts.main.policy.limits]\nbid_ceiling", f"{secret}\n[policy.goal]\nbid_ceiling", 1)
    text = VALID.replace('month_plan = "40000"', secret) if "policy =" not in secret else text

    with pytest.raises(ConfigError) as caught:
        settings_of(text)

    assert "canary" not in str(caught.value)


def test_every_prefix_of_a_file_is_refused() -> None:
    """A file cut short by a full disk or a slow editor never half applies."""
    whole = settings_of(VALID).fingerprint
    raw = VALID.encode()
    for length in range(len(raw) - 1):
        with pytest.raises(ConfigError):
            settings_of(raw[:length].decode())

    assert whole == settings_of(raw[:-1].decode()).fingerprint


def test_a_mutated_file_is_refused_or_means_exactly_what_it_says() -> None:
    """Whatever one changed byte does, either nothing is used or all of it is."""
    chance = np.random.default_rng(618)
    letters = VALID + '"=[]{}#,.\n\\'
    accepted = 0
    for _ in range(1_000):
        place, letter, replaced = chance.integers([len(VALID), len(letters), 2])
        text = VALID[:place] + letters[letter] + VALID[place + replaced :]
        try:
            settings = settings_of(text)
        except ConfigError:
            continue
        accepted += 1
        assert all(account.policy.cap.micros > 0 for account in settings.accounts)
        assert parse(text, source="x").data["end"] == {"of_file": True}
        assert {"main", "other"} >= {str(a.account.id) for a in settings.accounts} or "accounts." in text
    assert accepted < 400


def test_the_end_must_stand_at_the_end() -> None:
    """What stands behind the proof of wholeness would not be covered by it."""
    moved = VALID.replace("\n[end]\nof_file = true\n", "")

    assert [(1, "policy.limits", "stands behind [end]; move [end] with of_file = true to the end of the file")] == [
        (1, key, words) for _, key, words in faults_of("[end]\nof_file = true\n" + moved.replace('mode = "live"', ""))
    ]
    assert ["end"] == [key for _, key, _ in faults_of(moved)]


def test_fingerprint_covers_rules_and_not_paths() -> None:
    """Moving the log is no new configuration; moving a cap is."""
    whole = settings_of(VALID).fingerprint

    assert (
        whole == settings_of(VALID.replace("[policy.limits]", '[log]\nlevel = "debug"\n\n[policy.limits]')).fingerprint
    )
    assert whole == settings_of("# words\n" + VALID).fingerprint
    assert whole != settings_of(VALID.replace('"1500.00"', '"1500.01"')).fingerprint
    assert whole != settings_of(VALID.replace('"live"', '"rehearsal"')).fingerprint


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfem\x00o\x00", "UTF-8"),
        (b"mode = 'live", "line"),
        (b"", "end"),
        (b"a = 1\na = 2\n", "bidder.toml:2"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, raw: bytes, words: str) -> None:
    """Wrong encodings, syntax errors and empty files say where and why."""
    path = tmp_path / "bidder.toml"
    path.write_bytes(raw)

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert "bidder.toml" in str(caught.value)
    assert words in str(caught.value) or words == "line"


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    """Editors on Windows add both."""
    path = tmp_path / "bidder.toml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())

    assert settings_of(VALID).fingerprint == load(path).fingerprint


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    """Both are mistakes of a path, and say so."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path)
