# ruff: noqa: E501  (rows of examples are read as rows)
"""Which column means what: stated in TOML, or proposed from headings and cells."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.days import Cell, Order
from adapters.files.headings import understand
from adapters.files.mapping import ColumnMapping, Role, read_mapping
from adapters.files.numbers import Mark
from adapters.files.proposal import propose_mapping
from bidder.errors import ConfigError

texts = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(
    columns=st.dictionaries(st.sampled_from(list(Role)), texts.map(lambda t: (t,)), max_size=6),
    files=st.lists(texts, min_size=1, max_size=3).map(tuple),
    year=st.none() | st.integers(2000, 2099),
    order=st.none() | st.sampled_from(list(Order)),
    mark=st.none() | st.sampled_from(list(Mark)),
    value=st.none() | st.decimals(min_value=Decimal("0.01"), max_value=10_000, places=2),
)
def test_a_mapping_survives_toml(
    columns: dict[Role, tuple[str, ...]], files: tuple[str, ...], year: int | None, order: Order | None,
    mark: Mark | None, value: Decimal | None,
) -> None:  # fmt: skip
    """What `bidder audit` prints can be pasted into the configuration unchanged."""
    mapping = ColumnMapping(
        columns=columns, files=files, year=year, date_order=order, decimal_mark=mark, order_value=value, blank="none"
    )

    (table,) = tomllib.loads(mapping.to_toml())["mapping"]

    assert mapping == read_mapping(table)


@pytest.mark.parametrize(
    ("table", "key"),
    [({"colums": {}}, "colums"), ({"columns": {"spent": "Cost"}}, "columns.spent"), ({"columns": {"day": ["a", "b"]}}, "columns.day"),
     ({"year": "2026"}, "year"), ({"date_order": "dym"}, "date_order"), ({"blank": "zero"}, "blank"), ({"order_value": -1}, "order_value")],
    ids=str,
)  # fmt: skip
def test_faults_in_a_mapping_name_their_key(table: dict[str, object], key: str) -> None:
    """A typing error in the configuration is refused, never passed over."""
    with pytest.raises(ConfigError, match=key):
        read_mapping(table)


@pytest.mark.parametrize(
    ("heading", "key", "window", "scale", "currency"),
    [("7 Day Total Sales ($)", "total sales", 7, 1, ""), ("sales14d", "sales", 14, 1, ""), ("花费(元)", "花费", None, 1, "CNY"),
     ("花费（分）", "花费", None, "0.01", "CNY"), ("costMicros", "cost", None, "0.000001", ""), ("Spend_USD", "spend", None, 1, "USD"),
     ("Amount spent (EUR)", "amount spent", None, 1, "EUR"), ("总成交金额(15天)", "总成交金额", 15, 1, ""), ("adGroupId", "ad group id", None, 1, "")],
)  # fmt: skip
def test_headings_say_unit_window_and_currency(
    heading: str, key: str, window: int | None, scale: object, currency: str
) -> None:
    """What is written into a heading is read, not lost."""
    found = understand(heading)

    assert (key, window, Decimal(str(scale)), currency) == (found.key, found.window_days, found.scale, found.currency)


LANGUAGES: dict[str, Sequence[str]] = {
    "english": ("Date", "Campaign", "Ad group", "Keyword", "Impr.", "Clicks", "Cost", "Conversions", "Conv. value"),
    "camel": ("date", "campaignName", "adGroupName", "keyword", "impressions", "clicks", "cost", "orders", "sales"),
    "snake": ("report_date", "campaign_name", "ad_group_name", "keyword_text", "impressions", "clicks", "spend", "orders", "revenue"),
    "german": ("Tag", "Kampagne", "Anzeigengruppe", "Suchkeyword", "Impressionen", "Klicks", "Kosten", "Bestellungen", "Umsatz"),
    "french": ("Jour", "Campagne", "Groupe d'annonces", "Mot clé", "Impressions", "Clics", "Coût", "Conversions", "Valeur de conv."),
    "spanish": ("Día", "Campaña", "Grupo de anuncios", "Palabra clave", "Impresiones", "Clics", "Coste", "Conversiones", "Valor de conv."),
    "italian": ("Giorno", "Campagna", "Gruppo di annunci", "Parola chiave", "Impressioni", "Clic", "Costo", "Conversioni", "Valore conv."),
    "portuguese": ("Dia", "Campanha", "Grupo de anúncios", "Palavra-chave", "Impressões", "Cliques", "Custo", "Conversões", "Valor da conv."),
    "dutch": ("Dag", "Campagne", "Advertentiegroep", "Zoekwoord", "Vertoningen", "Klikken", "Kosten", "Conversies", "Conv.-waarde"),
    "chinese": ("日期", "计划名称", "单元名称", "关键词", "展现量", "点击量", "花费", "总成交笔数", "总成交金额"),
    "japanese": ("日付", "キャンペーン", "広告グループ", "キーワード", "表示回数", "クリック数", "費用", "コンバージョン", "コンバージョン値"),
    "korean": ("날짜", "캠페인", "광고그룹", "키워드", "노출수", "클릭수", "비용", "전환수", "전환매출액"),
    "russian": ("Дата", "Кампания", "Группа объявлений", "Ключевое слово", "Показы", "Клики", "Расход", "Конверсии", "Доход"),
    "loose": ("c_date", "my campaign name", "adgroup label", "search keyword used", "ad displays", "total clicks", "ad cost", "paid orders", "gross revenue"),
}  # fmt: skip
ROLES = (
    Role.DAY, Role.CAMPAIGN, Role.AD_GROUP, Role.TARGET, Role.IMPRESSIONS, Role.CLICKS, Role.SPEND, Role.ORDERS, Role.REVENUE,
)  # fmt: skip
SAMPLE: list[tuple[Cell, ...]] = [
    ("2026-10-01", "Shoes", "Running", "running shoes", "1000", "10", "5.25", "1", "49.90"),
    ("2026-10-02", "Shoes", "Running", "running shoes", "1200", "14", "6.75", "0", "0"),
    ("2026-10-02", "Coats", "Winter", "warm coat", "700", "9", "3.10", "2", "160.00"),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_of_many_languages_are_understood(language: str) -> None:
    """Every role is found by its heading in the console's language."""
    proposal = propose_mapping(LANGUAGES[language], SAMPLE)

    assert {role: (text,) for role, text in zip(ROLES, LANGUAGES[language], strict=True)} == proposal.mapping.columns


@given(order=st.permutations(range(len(ROLES))))
def test_the_order_of_columns_does_not_matter(order: list[int]) -> None:
    """Columns are known by what they are called and hold, not by where they stand."""
    headings = [LANGUAGES["english"][i] for i in order]

    proposal = propose_mapping(headings, [tuple(row[i] for i in order) for row in SAMPLE])

    assert dict(zip(ROLES, ((t,) for t in LANGUAGES["english"]), strict=True)) == dict(proposal.mapping.columns)


def test_cells_veto_what_a_heading_suggests() -> None:
    """A column called Cost that holds words is no spend; a month that holds words is no month."""
    proposal = propose_mapping(
        ("Month", "Campaign", "Cost", "Amount spent", "Clicks"),
        [("soon", "A", "high", "5.00", "3"), ("late", "B", "low", "6.00", "4")],
    )

    assert ("Amount spent",) == proposal.mapping.columns[Role.SPEND]
    assert Role.MONTH not in proposal.mapping.columns


def test_ratios_are_never_read_as_amounts() -> None:
    """Cost per conversion is no cost, conversion rate no conversions, share of impressions no impressions."""
    headings = (
        "Campaign",
        "Cost / conv.",
        "Conv. rate",
        "Search impr. share",
        "Avg. CPC",
        "Cost",
        "Clicks",
        "ACOS",
        "Cost per click",
    )

    proposal = propose_mapping(
        headings,
        [
            ("A", "1.0", "2%", "10%", "0.5", "10", "20", "30%", "0.5"),
            ("B", "1.0", "2%", "10%", "0.5", "10", "20", "30%", "0.5"),
        ],
    )

    assert ("Cost",) == proposal.mapping.columns[Role.SPEND]
    assert ("Clicks",) == proposal.mapping.columns[Role.CLICKS]
    assert not {Role.ORDERS, Role.IMPRESSIONS, Role.REVENUE} & proposal.mapping.columns.keys()


def test_a_day_column_without_a_known_heading_is_found_by_its_cells() -> None:
    """Days are days under any heading, and that is said."""
    proposal = propose_mapping(
        ("When it ran", "Campaign", "Clicks", "Cost"),
        [("2026-10-01", "A", "1", "2.5"), ("2026-10-02", "A", "2", "3.5")],
    )

    assert ("When it ran",) == proposal.mapping.columns[Role.DAY]
    assert any("When it ran" in sentence for sentence in proposal.sentences)


def test_windows_are_never_mixed() -> None:
    """Orders and sales are read from the same window, and which one is said."""
    headings = (
        "Campaign",
        "Clicks",
        "Spend",
        "purchases1d",
        "purchases7d",
        "purchases30d",
        "sales1d",
        "sales7d",
        "sales30d",
    )
    rows: list[tuple[Cell, ...]] = [("A", "9", "5.5", "1", "2", "3", "10", "20", "30")] * 2

    proposal = propose_mapping(headings, rows)

    assert (("purchases7d",), ("sales7d",)) == (
        proposal.mapping.columns[Role.ORDERS],
        proposal.mapping.columns[Role.REVENUE],
    )
    assert 7 == proposal.mapping.window_days
    assert "1, 7, 30" in proposal.sentences[0]


def test_direct_and_indirect_parts_add_up_where_there_is_no_total() -> None:
    """A sum is read from its two parts, and that is said."""
    rows: list[tuple[Cell, ...]] = [("A", "9", "5.5", "100.00", "20.00")] * 2

    proposal = propose_mapping(("计划名称", "点击量", "花费", "直接成交金额", "间接成交金额"), rows)

    assert ("直接成交金额", "间接成交金额") == proposal.mapping.columns[Role.REVENUE]
    assert any("sum" in sentence for sentence in proposal.sentences)


def test_a_stated_mapping_wins_and_the_rest_is_still_proposed() -> None:
    """A person needs to name only what was misunderstood."""
    stated = ColumnMapping(columns={Role.REVENUE: ("Betrag",)})

    proposal = propose_mapping(
        ("Kampagne", "Klicks", "Kosten", "Umsatz", "Betrag"), [("A", "1", "2", "3", "4")] * 2, stated=stated
    )

    assert ("Betrag",) == proposal.mapping.columns[Role.REVENUE]
    assert ("Kosten",) == proposal.mapping.columns[Role.SPEND]


@pytest.mark.parametrize(
    "headings",
    [("region_id", "dow", "hour", "traffic_share"), ("date_week", "y", "x1", "x2"), ("name", "email", "phone"), ("Date", "Revenue", "Orders")],
)  # fmt: skip
def test_tables_that_are_no_advertising_reports_are_told_apart(headings: tuple[str, ...]) -> None:
    """A demand profile, a media-mix table and a list of customers are not read as spend."""
    proposal = propose_mapping(headings, [tuple(str(n) for n in range(len(headings)))] * 3)

    assert not proposal.report


VENUES: dict[str, tuple[tuple[str, str], ...]] = {
    "ebay": (
        ("Date", "Oct-01-2026"),
        ("Campaign name", "C"),
        ("Ad fees", "$5.10"),
        ("Clicks", "10"),
        ("Sold quantity", "1"),
        ("Ad sales", "$20.00"),
        ("Average cost per click", "$0.51"),
    ),
    "tiktok": (
        ("By Day", "2026-10-01"),
        ("Campaign name", "C"),
        ("Cost", "5.1"),
        ("Clicks (destination)", "10"),
        ("Complete payment", "1"),
        ("Total complete payment (value)", "20"),
        ("CPC (destination)", "0.5"),
    ),
    "walmart": (
        ("Date", "2026-10-01"),
        ("Campaign Name", "C"),
        ("Ad Spend", "5"),
        ("Clicks", "10"),
        ("14 Day Orders", "1"),
        ("14 Day Attributed Sales", "20"),
        ("3 Day Orders", "1"),
    ),
    "pinduoduo": (
        ("日期", "2026-10-01"),
        ("推广计划", "C"),
        ("花费(元)", "5.5"),
        ("点击量", "10"),
        ("成交笔数", "1"),
        ("交易额(元)", "20"),
        ("投入产出比", "3.6"),
    ),
    "jd": (
        ("日期", "20261001"),
        ("计划名称", "C"),
        ("总费用", "5.5"),
        ("点击数", "10"),
        ("总订单行", "1"),
        ("总订单金额", "20"),
        ("总加购数", "3"),
    ),
    "warehouse": (
        ("day", "2026-10-01"),
        ("utm_campaign", "C"),
        ("ad_spend", "5.5"),
        ("ad_clicks", "10"),
        ("purchases", "1"),
        ("purchase_value", "20"),
        ("sessions", "99"),
    ),
}
VENUE_ROLES = (Role.DAY, Role.CAMPAIGN, Role.SPEND, Role.CLICKS, (Role.ORDERS, Role.UNITS), Role.REVENUE)


@pytest.mark.parametrize("venue", VENUES)
def test_headings_of_other_venues_are_understood(venue: str) -> None:
    """Consoles we have no format for are read by what their columns are called and hold."""
    headings, cells = zip(*VENUES[venue], strict=True)

    columns = propose_mapping(headings, [cells, cells]).mapping.columns

    for heading, roles in zip(headings, VENUE_ROLES, strict=False):
        wanted = roles if isinstance(roles, tuple) else (roles,)
        assert any((heading,) == columns.get(role) for role in wanted), heading


def test_the_shipped_examples_are_read(project: Path) -> None:
    """Every example that people are told to copy is one the reader accepts."""
    tables = tomllib.loads((project / "config" / "columns" / "examples.toml").read_text(encoding="utf-8"))["mapping"]

    mappings = [read_mapping(table) for table in tables]

    assert mappings[0].fits("2026/meine-werbung-oktober.csv")
    assert all(mapping.columns for mapping in mappings)
