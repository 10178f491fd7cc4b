"""One key is changed in the text and nothing else; what holds can be shown without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidder.errors import ConfigError, InputError
from bidder.settings import Document, build, changed, differences, effective, entry_of, parse, replace, sample
from tests.settings.test_load import VALID


def document(text: str) -> Document:
    """Parse a text."""
    return parse(text, source="bidder.toml")


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("accounts.main.daily_cap", "1800.00", 'daily_cap = "1800.00"'),
        ("accounts.main.daily_cap", '"1800.00"', 'daily_cap = "1800.00"'),
        ("mode", "rehearsal", 'mode = "rehearsal"'),
        ("policy.limits.max_bid_step_ratio", "0.1", "max_bid_step_ratio = 0.1"),
        ("policy.limits.max_changed_entities", "50", "max_changed_entities = 50"),
        ("policy.evidence.learn_days", "90", "[policy.evidence]\nlearn_days = 90"),
        ("policy.protect.words", '["红裙"]', '[policy.protect]\nwords = ["红裙"]'),
        ("accounts.main.policy.goal.objective", "revenue", '[accounts.main.policy.goal]\nobjective = "revenue"'),
        ("policy.lifecycle.slow_age_days.apparel", "20", "apparel = 20"),
    ],
)
def test_setting_a_key_touches_nothing_else(key: str, value: str, line: str) -> None:
    """Comments and order are the owner's; only the value moves."""
    text = "# our caps\n" + VALID.replace('"1500.00"', '"1500.00"  # agreed in May')

    written, _ = changed(document(text), key, value, folder=Path())

    assert line in written
    removed = set(text.splitlines()) - set(written.splitlines())
    assert len(removed) <= 1
    assert ("# agreed in May" in written, "# our caps" in written) == (True, True)


def test_a_commented_default_of_the_sample_is_uncommented() -> None:
    """The sample's own lines are used, so that the words above a key stay above it."""
    written, settings = changed(document(sample()), "daemon.interval_minutes", "30", folder=Path())

    assert "\ninterval_minutes = 30\n" in written
    assert "#interval_minutes" not in written
    assert 30 == settings.daemon.interval_minutes


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("accounts.main.daily_cap", "-5", ConfigError),
        ("policy.limits.max_bid_step_ratio", "a lot", InputError),
        ("policy.limits.max_bid_step_ratio", "2.0", ConfigError),
        ("policy.limits.max_bid_stp", "0.1", InputError),
        ("policy.limits", "{}", InputError),
        ("end.of_file", "false", ConfigError),
        ("mode", 'live"\n[x]\ny="', ConfigError),
    ],
)
def test_a_change_that_is_no_valid_configuration_is_refused(key: str, value: str, error: type[Exception]) -> None:
    """The file is left as it is."""
    with pytest.raises(error):
        changed(document(VALID), key, value, folder=Path())


def test_what_holds_shows_no_secret() -> None:
    """Secrets appear as places; options that sound like secrets are masked."""
    text = VALID.replace(
        'month_plan = "40000"', 'secrets = { t = "file:/x/y" }\noptions = { api_key = "s3cr3t", region = "eu" }'
    )

    shown = str(effective(build(document(text), folder=Path())))

    assert "s3cr3t" not in shown
    assert ("file:/x/y" in shown, "'region': 'eu'" in shown) == (True, True)


def test_differences_name_key_old_and_new() -> None:
    """A changed cap is one line."""
    before = effective(build(document(VALID), folder=Path()))
    after = effective(build(document(VALID.replace('"1500.00"', '"1600"')), folder=Path()))

    assert [("accounts.main.daily_cap", "1500", "1600")] == list(differences(before, after))
    assert [] == list(differences(before, before))


def test_replace_keeps_the_mode_and_leaves_no_trace(tmp_path: Path) -> None:
    """A private file stays private."""
    path = tmp_path / "bidder.toml"
    path.write_text("old")
    path.chmod(0o600)

    replace(path, "new")

    assert ("new", 0o600, [path]) == (path.read_text(), path.stat().st_mode & 0o777, list(tmp_path.iterdir()))


def test_a_key_is_found_by_its_last_name_and_a_wrong_one_names_the_nearest() -> None:
    """People remember the last word of a key."""
    assert ("policy", "limits", "foreign_hold_hours") == entry_of("foreign_hold_hours").path
    assert ("accounts", "*", "daily_cap") == entry_of("accounts.main.daily_cap").path
    with pytest.raises(InputError, match="did you mean daily_cap"):
        entry_of("accounts.main.dayly_cap")


NAMES = st.text("abcé \"'.#=[]{}\\\n\t中", min_size=1, max_size=8)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text("ab\"'\\#=[]{},\n中", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(data=st.dictionaries(NAMES, VALUES, max_size=4), tables=st.booleans())
def test_every_key_is_found_where_it_stands(*, data: dict[str, object], tables: bool) -> None:
    """Whatever quoting and nesting TOML allows, the scanner gives each value the characters that say it."""
    lines, later = [], []
    for name, value in data.items():
        if tables and isinstance(value, dict):
            later += [f"[{toml(name)}] # words [x] = 1", *(f"{toml(k)} = {toml(v)}" for k, v in value.items())]
        else:
            lines.append(f"{toml(name)} = {toml(value)} # words = 'x")
    parsed = document("\n".join(["# first", *lines, *later]))

    for path, place in parsed.places.items():
        if not place.heading and place.end > place.start:
            said = document(f"x = {parsed.text[place.start : place.end]}").data["x"]
            assert parsed.value(path) == said
            assert parsed.text.splitlines()[place.line - 1].strip()


def toml(value: object) -> str:
    """Write a value on one line, text with escapes."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{toml(k)} = {toml(v)}' for k, v in value.items())} }}"
        case _:
            return str(value)
