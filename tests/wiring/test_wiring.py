"""From settings to objects: the chosen window, the database's address, whoever tells people, every secret."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bidder.errors import ConfigError
from bidder.settings import Settings, load
from bidder.wiring import (
    ChosenWindow,
    VolatileMemory,
    all_secrets,
    database_of,
    looked_at,
    market_of,
    messenger_of,
    url_of,
)
from tests.adapters.mock.venues import account_in, secrets_of, serving
from tests.fakes import FakeVenue, profile

NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)

HEAD = """\
[accounts.shop]
adapter = "mock"
remote_id = "shop-1"
currency = "CNY"
time_zone = "Asia/Shanghai"
daily_cap = "1500.00"
"""


def settings(folder: Path, text: str = "") -> Settings:
    """Load a configuration with more lines."""
    path = folder / "bidder.toml"
    path.write_text(f"{HEAD}{text}\n[end]\nof_file = true\n", encoding="utf-8")
    return load(path)


def private(folder: Path, name: str, value: str) -> None:
    """Write a file that only we can read."""
    (folder / name).write_text(value)
    (folder / name).chmod(0o600)


def test_the_configured_window_is_the_usual_one_from_then_on() -> None:
    """The cycle asks for the profile's window; nothing else needs to know of the setting."""
    venue = FakeVenue(rules=profile(windows=(1, 7, 14), default_window=7))

    assert 14 == ChosenWindow(venue, 14, key="k").profile(NOW).default_window
    assert repr(venue) in repr(ChosenWindow(venue, 14, key="k"))


def test_a_window_the_venue_does_not_offer_is_an_error_of_the_configuration() -> None:
    """Orders of another window would be judged by the wrong curve."""
    venue = FakeVenue(rules=profile(windows=(1, 7, 14), default_window=7))

    with pytest.raises(ConfigError, match=r"window_days: the marketplace offers 1, 7, 14 days, not 30"):
        ChosenWindow(venue, 30, key="accounts.shop.window_days").profile(NOW)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("bidder.db", "sqlite:///{folder}/bidder.db"),
        ("/var/lib/bidder.db", "sqlite:////var/lib/bidder.db"),
        ("postgresql://bidder@db/ads", "postgresql+psycopg://bidder:p%40ss%2Fword@db/ads"),
        ("postgresql+psycopg://bidder@db/ads", "postgresql+psycopg://bidder:p%40ss%2Fword@db/ads"),
    ],
)
def test_the_database_password_is_put_in_from_its_place(tmp_path: Path, written: str, address: str) -> None:
    """Whatever characters it has."""
    private(tmp_path, "password", "p@ss/word\n")
    found = settings(tmp_path, f'[daemon]\ndatabase = "{written}"\ndatabase_password = "file:password"\n')

    assert address.format(folder=tmp_path) == url_of(found)


def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """The file is read by many."""
    found = settings(tmp_path, '[daemon]\ndatabase = "postgresql://bidder:s3cr3t@db/ads"\n')

    with pytest.raises(ConfigError, match="database_password") as caught:
        url_of(found)
    assert "s3cr3t" not in str(caught.value)


def test_every_secret_the_file_names_is_known_to_the_log(tmp_path: Path) -> None:
    """Those that cannot be read are somebody else's error, told elsewhere."""
    for name in ("one", "two", "three"):
        private(tmp_path, name, f"value-{name}")
    found = settings(
        tmp_path,
        'secrets = { a = ["env:ABSENT", "file:one"], b = "file:absent" }\n[notify]\nwebhook = "file:two"\n'
        '[notify.smtp]\nhost = "localhost"\nsender = "a@b.c"\nrecipients = ["d@e.f"]\npassword = "file:three"\n',
    )

    assert {"value-one", "value-two", "value-three"} == {secret.reveal() for secret in all_secrets(found)}


def test_an_alert_address_that_is_none_stops_the_start(tmp_path: Path) -> None:
    """Not at three in the night, when somebody should be told."""
    private(tmp_path, "hook", "not an address")

    with pytest.raises(ConfigError, match=r"notify\.webhook"):
        messenger_of(settings(tmp_path, '[notify]\nwebhook = "file:hook"\n'))


def test_a_missing_secret_names_its_key_and_places(tmp_path: Path) -> None:
    """And the adapter is not built without it."""
    found = settings(tmp_path, 'secrets = { client_secret = ["credential:x", "env:ABSENT"] }\n')

    with pytest.raises(ConfigError, match=r"accounts\.shop\.secrets\.client_secret") as caught:
        market_of(found.accounts[0], found, VolatileMemory())
    assert "env:ABSENT: the environment variable is not set" in str(caught.value)


def test_looking_at_an_account_shares_the_daemons_token(tmp_path: Path) -> None:
    """A venue that renews its refresh token with every use would lock out whoever kept the new one to himself."""
    with serving() as server:
        named = secrets_of(server)
        for name, secret in named.items():
            private(tmp_path, name, secret.reveal())
        path = tmp_path / "bidder.toml"
        places = ", ".join(f'{name} = "file:{name}"' for name in named)
        text = HEAD.replace("shop-1", account_in(server.venue).remote_id)
        lines = f'secrets = {{ {places} }}\noptions = {{ base_url = "{server.url}" }}\n[end]\nof_file = true\n'
        path.write_text(text + lines, encoding="utf-8")
        found = load(path)
        one, currencies = found.accounts[0], []
        for _ in range(3):
            store = database_of(found)
            with closing(market_of(one, found, store.adapter_memory(one.account))) as market:
                currencies.append(market.profile(server.venue.now).currency)
            store.close()

            with looked_at(one, found) as market:
                currencies.append(market.profile(server.venue.now).currency)

    assert ["CNY"] * 6 == currencies
