"""The sample file is valid as it stands, and with every comment sign taken away."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from bidder.settings import Settings, build, entries, json_schema, load, parse, sample


def settings_of(text: str) -> Settings:
    """Build settings from a text."""
    return build(parse(text, source="sample"), folder=Path())


def uncommented(text: str) -> str:
    """Take the sign from every line that is a setting at its default."""
    return re.sub(r"^#(?=[\w\[])", "", text, flags=re.MULTILINE)


def test_the_sample_is_a_valid_configuration() -> None:
    """Who copies it can start."""
    settings = settings_of(sample())

    assert ("rehearsal", "mock") == (settings.mode, settings.accounts[0].account.adapter)


def test_every_default_in_the_sample_is_valid_and_is_the_default() -> None:
    """Taking a comment sign away changes nothing, but for examples of what has no default."""
    before, after = settings_of(sample()), settings_of(uncommented(sample()))

    assert before.daemon.model_copy(update={"database_password": after.daemon.database_password}) == after.daemon
    evidence = after.accounts[0].policy.evidence
    assert replace(before.accounts[0].policy.evidence, cautious_alone=evidence.cautious_alone) == evidence
    assert before.accounts[0].policy.lifecycle == after.accounts[0].policy.lifecycle
    assert after.accounts[0].policy.limits.bid_ceiling is not None


def test_the_sample_names_every_key_with_its_words() -> None:
    """A key without words would be a key without documentation."""
    text = uncommented(sample())
    for entry in entries():
        assert entry.words, entry.path
        if entry.path[:3] != ("accounts", "*", "policy") and entry.path[:3] != ("accounts", "*", "calendar"):
            name = re.escape(str(entry.path[-1]))
            shown = re.search(rf"^(\[+[\w.-]*{name}\]+|{name} = .+)$", text, re.MULTILINE)
            assert shown or entry.path in {("accounts",), ("accounts", "*"), ("policy",)}, entry.path


def test_files_in_config_are_valid_and_up_to_date(project: Path) -> None:
    """The generated example is the program's own; the minimal one starts as it is."""
    assert sample() == (project / "config" / "bidder.example.toml").read_text(encoding="utf-8")
    assert load(project / "config" / "minimal.toml").accounts


def test_the_schema_speaks_of_amounts_as_text() -> None:
    """Editors must not ask for micros."""
    schema = json_schema()

    assert "micros" not in str(schema)
    assert schema["additionalProperties"] is False
