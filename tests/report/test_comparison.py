"""The comparison page shows the same figures as the terminal's table, from one file without a script."""

from __future__ import annotations

from bidder.report.comparison import Comparison, Contender, Note, heads, render, rows

ONE = Contender(name="bidder", spend=[10.0, 20.0], revenue=[30.0, 60.0], profit=[1.0, -3.0], changes=7, share=0.93)
IDLE = Contender(name="left alone", spend=[0.0, 0.0], revenue=[0.0, 0.0], profit=[0.0, 0.0], changes=0, share=0.0)


def test_rows_state_totals_and_leave_an_undefined_ratio_open() -> None:
    """ROAS of no spend is not zero: it is not shown."""
    assert rows([ONE, IDLE]) == [
        ["bidder", "30", "90", "3.00", "-2", "7", "93%"],
        ["left alone", "0", "0", "-", "+0", "0", "0%"],
    ]
    assert len(heads([ONE], "CNY")) == len(rows([ONE])[0])


def test_page_is_self_contained_and_escapes_names() -> None:
    """Nothing is loaded from elsewhere and a hostile name stays text."""
    html = render(
        Comparison(
            title="demo <b>", lead="l", currency="CNY", days=["2026-06-01", "2026-06-02"], contenders=[ONE, IDLE],
            changes=[Note(head="<img src=x>", why="w", small="s")], counts=[("BID_TO_VALUE", 3, 4)], footer="f",
        )
    )  # fmt: skip

    assert "<img" not in html
    assert "<script" not in html
    assert "http" not in html
    assert "&lt;img src=x&gt;" in html
