"""The commands on the configuration file, and the doctor."""

from __future__ import annotations

import json

import pytest

from tests.cli.calls import CONFIG, Shell


def test_check_tells_every_fault_with_file_line_and_key(shell: Shell) -> None:
    """One run is enough to mend the file."""
    shell.configured(CONFIG.replace("currency", "curency").replace('"1500.00"', "1500"))

    done = shell("config", "check")

    assert 7 == done.code
    assert "bidder.toml:4: accounts.shop.curency: unknown key; did you mean currency?" in done.err
    assert "bidder.toml:6: accounts.shop.daily_cap: write the amount as quoted text" in done.err


def test_check_looks_for_adapters_and_secrets_too(shell: Shell) -> None:
    """A sound file that cannot run is not sound."""
    more = 'secrets = { token = "env:ABSENT" }\n[notify]\nwebhook = "file:absent"\n'
    text = CONFIG.replace('"mock"', '"mok"').replace("[accounts.shop.options]\n", more).partition("scale")[0]
    text += "[end]\nof_file = true\n"
    shell.configured(text)

    done = shell("config", "check")

    assert 7 == done.code
    assert "bidder.toml:2: accounts.shop.adapter: no adapter is called 'mok'; did you mean mock?" in done.err
    assert "bidder.toml:8: accounts.shop.secrets.token: the secret is missing: env:ABSENT" in done.err
    assert "bidder.toml:10: notify.webhook: the secret is missing: file:absent" in done.err


def test_the_sample_can_be_used_as_it_is(shell: Shell) -> None:
    """`bidder config sample > bidder.toml` is what newcomers are told to type."""
    shell.configured(shell("config", "sample").out)

    assert 0 == shell("config", "check").code
    assert 0 == shell("once").code


def test_show_and_diff_speak_of_what_is_in_force(shell: Shell) -> None:
    """Defaults included."""
    shell.configured()
    (shell.folder / "new.toml").write_text(CONFIG.replace("1500.00", "1600.00"))

    assert 0.2 == shell("config", "show", "--json").data["accounts"]["shop"]["policy"]["limits"]["max_bid_step_ratio"]
    assert "accounts.shop.daily_cap: 1500 -> 1600" in shell("config", "diff", "new.toml").out


def test_set_shows_first_and_writes_with_yes(shell: Shell) -> None:
    """Raising a cap is a decision, not a slip."""
    shell.configured("# ours\n" + CONFIG)
    path = shell.folder / "bidder.toml"

    shown = shell("config", "set", "accounts.shop.daily_cap", "1600")
    assert "not written" in shown.out
    assert "1500.00" in path.read_text()

    assert 0 == shell("config", "set", "accounts.shop.daily_cap", "1600", "--yes").code
    assert 'daily_cap = "1600"' in path.read_text()
    assert path.read_text().startswith("# ours\n")


@pytest.mark.parametrize(("key", "code"), [("daily_cap", 0), ("policy.limits.bid_floor", 0), ("no_such_key", 2)])
def test_explain_answers_or_names_the_nearest(shell: Shell, key: str, code: int) -> None:
    """It needs no configuration."""
    done = shell("config", "explain", key)

    assert code == done.code
    assert (done.out if code == 0 else done.err).strip()


def test_connect_writes_lines_that_check(shell: Shell) -> None:
    """A second account beside the first; the end stays last."""
    shell.configured()
    arguments = ("account", "connect", "mock", "--name", "two", "--remote-id", "s-2", "--currency", "CNY",
                 "--time-zone", "Asia/Shanghai", "--daily-cap", "900")  # fmt: skip

    shown = shell(*arguments)
    assert "[accounts.two]" in shown.out
    assert "two" not in (shell.folder / "bidder.toml").read_text()

    assert 0 == shell(*arguments, "--write").code
    names = [one["name"] for one in shell("account", "list", "--json").data["accounts"]]
    assert ["shop", "two"] == names
    assert 7 == shell(*arguments, "--write").code


def test_the_doctor_works_without_anything(shell: Shell) -> None:
    """A newcomer's first question."""
    done = shell("doctor", "--json")

    assert (0, True) == (done.code, done.data["healthy"])


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (lambda folder: (folder / "bidder.toml").write_text("x = "), "bidder.toml"),
        (lambda folder: (folder / "bidder.toml").chmod(0o666), "chmod go-w"),
        (lambda folder: (folder / "bidder.db").chmod(0o644), "chmod 600"),
        (lambda folder: (folder / "bidder.db").write_bytes(b"not a database" * 100), ""),
        (lambda folder: (folder / "bidder.toml").write_text(CONFIG.replace('"mock"', '"mok"')), "mok"),
    ],
    ids=["syntax", "file mode", "database mode", "database", "adapter"],
)
def test_the_doctor_finds_what_is_wrong_and_says_how_to_mend_it(shell: Shell, spoil: object, remedy: str) -> None:
    """Exit 4, and each finding names a remedy."""
    shell.configured()
    shell("once")
    assert callable(spoil)
    spoil(shell.folder)

    done = shell("doctor", "--json")

    assert 4 == done.code, json.dumps(done.data, indent=1)
    bad = [finding for finding in done.data["findings"] if finding["remedy"] and finding["serious"]]
    assert any(remedy in finding["remedy"] for finding in bad), bad


def test_canary_secret_is_in_no_output(shell: Shell) -> None:
    """Whatever fails, the value of a secret is not told."""
    token = shell.folder / "token"
    token.write_text("c4n4ry-value")
    token.chmod(0o600)
    text = CONFIG.replace('"1500.00"', '"1500.00"\nsecrets = { client_secret = "file:token" }')
    text = text.replace("scale = 0.05\nhistory_days = 20", 'base_url = "http://127.0.0.1:9"')
    shell.configured(text)

    for arguments in (
        ("config", "show"), ("config", "check"), ("account", "test", "shop"), ("once",), ("doctor",), ("plan",),
    ):  # fmt: skip
        for more in ((), ("--json",)):
            done = shell(*arguments, *more)
            assert "c4n4ry" not in done.out + done.err, arguments
