"""Read Amazon's bulk operations sheet: one row an entity, with ids, bids, budgets and states, and figures of a period.

The rows of keywords and product targets carry the figures; those of campaigns repeat them and serve as a control sum.
Our own upload files (`adapters.files.upload`) are read back by the same code. Called by `adapters.files.importing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from adapters.files.columns import read_numbers, settle_marks
from adapters.files.days import Cell
from adapters.files.facts import Names, Reading, Setting
from adapters.files.formats import Format, read_match, read_state
from adapters.files.headings import understand
from adapters.files.mapping import METRICS, ColumnMapping, Role
from adapters.files.naming import LostDigits, clean_id, clean_name
from adapters.files.numbers import is_missing
from adapters.files.options import FilesOptions
from adapters.files.reading import NotAReport, TableReader
from adapters.files.refusals import Refusal
from adapters.files.rowsorting import sort_rows
from adapters.files.tables import Row, Table, same_text

SHEET = "Sponsored Products Campaigns"
"""Name of the sheet that holds Sponsored Products."""

_ALIASES = {
    "product": "product|产品",
    "entity": "entity|实体层级|实体",
    "operation": "operation|操作",
    "campaign id": "campaign id|广告活动编号|广告活动 id",
    "ad group id": "ad group id|广告组编号|广告组 id",
    "ad id": "ad id|广告编号",
    "keyword id": "keyword id|关键词编号",
    "product targeting id": "product targeting id|商品投放编号|拓展商品投放编号",
    "campaign name": "campaign name|广告活动名称",
    "ad group name": "ad group name|广告组名称",
    "state": "state|状态",
    "campaign state": "campaign state|广告活动状态",
    "ad group state": "ad group state|广告组状态",
    "daily budget": "daily budget|每日预算",
    "sku": "sku",
    "asin": "asin",
    "ad group default bid": "ad group default bid|广告组默认竞价",
    "bid": "bid|竞价",
    "keyword text": "keyword text|关键词文本",
    "match type": "match type|匹配类型",
    "bidding strategy": "bidding strategy|竞价方案",
    "product targeting expression": "product targeting expression|商品投放表达式|拓展商品投放表达式",
    "impressions": "impressions|展示量",
    "clicks": "clicks|点击量",
    "spend": "spend|花费",
    "sales": "sales|销售额",
    "orders": "orders|订单数量|订单数",
    "units": "units|商品数量|销量",
}
_ENTITIES = {
    "campaign": "campaign",
    "广告活动": "campaign",
    "ad group": "ad_group",
    "广告组": "ad_group",
    "keyword": "target",
    "关键词": "target",
    "product targeting": "target",
    "商品投放": "target",
    "product ad": "product_ad",
    "商品广告": "product_ad",
}
_METRIC_KEYS = {
    Role.IMPRESSIONS: "impressions",
    Role.CLICKS: "clicks",
    Role.SPEND: "spend",
    Role.ORDERS: "orders",
    Role.UNITS: "units",
    Role.REVENUE: "sales",
}
_MONEY_KEYS = {Role.BID: "bid", Role.DEFAULT_BID: "ad group default bid", Role.DAILY_BUDGET: "daily budget"}
_NAME_HEADINGS = (
    "Campaign ID",
    "Campaign Name",
    "Ad Group ID",
    "Ad Group Name",
    "Keyword ID",
    "Keyword Text",
    "Match Type",
)
_NAME_ROLES = (
    Role.CAMPAIGN_ID,
    Role.CAMPAIGN,
    Role.AD_GROUP_ID,
    Role.AD_GROUP,
    Role.TARGET_ID,
    Role.TARGET,
    Role.MATCH_TYPE,
)


class _Cells:
    """Finds cells of a bulk row by the key of their heading; informational columns stand in for empty ones."""

    def __init__(self, table: Table) -> None:
        keys = {alias: key for key, aliases in _ALIASES.items() for alias in aliases.split("|")}
        self._columns: dict[str, list[int]] = {}
        order = sorted(range(len(table.headings)), key=lambda i: understand(table.headings[i]).informational)
        for index in order:
            key = keys.get(understand(table.headings[index]).key)
            if key is not None:
                self._columns.setdefault(key, []).append(index)

    def columns(self, key: str) -> Sequence[int]:
        return self._columns.get(key, ())

    def cell(self, row: Row, key: str) -> Cell:
        for index in self.columns(key):
            if not is_missing(row.cells[index]):
                return row.cells[index]
        return None

    def text(self, row: Row, key: str) -> str:
        return clean_name(self.cell(row, key))


def read_bulk(table: Table, options: FilesOptions) -> Reading | NotAReport:
    """Read a bulk sheet into settings of every entity and, where it has figures, facts of its targets."""
    cells = _Cells(table)
    kinds: list[str | None] = []
    for row in table.rows:
        product = same_text(cells.text(row, "product"))
        ours = product in ("", "sponsored products", "商品推广")
        kinds.append(_ENTITIES.get(same_text(cells.text(row, "entity"))) if ours else None)
    if not any(kinds):
        return NotAReport(
            name=table.name,
            headings=table.headings,
            proposal=ColumnMapping(),
            reason="it is a bulk sheet without Sponsored Products; other products are not managed",
        )
    refusals: list[Refusal] = []
    names = [_names(table, cells, row, refusals) if kind else None for row, kind in zip(table.rows, kinds, strict=True)]
    settings = _settings(table, cells, kinds, names, refusals)
    targets = [i for i, kind in enumerate(kinds) if kind == "target" and names[i] is not None]
    reading = _facts(table, cells, options, targets, names)
    stated = _control_sum(table, cells, kinds)
    return replace(
        reading,
        settings=tuple(settings),
        refusals=(*table.refusals, *refusals, *reading.refusals),
        stated=stated,
        gaps=(),
        sentences=(*reading.sentences, "rows of negative keywords and placements are passed over"),
    )


def _names(table: Table, cells: _Cells, row: Row, refusals: list[Refusal]) -> Names | None:
    try:
        keyword_id = clean_id(cells.cell(row, "keyword id")) or clean_id(cells.cell(row, "product targeting id"))
        return Names(
            campaign_id=clean_id(cells.cell(row, "campaign id")),
            campaign=cells.text(row, "campaign name"),
            ad_group_id=clean_id(cells.cell(row, "ad group id")),
            ad_group=cells.text(row, "ad group name"),
            target_id=keyword_id,
            target=cells.text(row, "keyword text") or cells.text(row, "product targeting expression"),
            match=read_match(cells.text(row, "match type")) or "",
            product=clean_id(cells.cell(row, "sku")) or clean_id(cells.cell(row, "asin")),
        )
    except LostDigits as exc:
        refusals.append(
            Refusal(
                file=table.name,
                row=row.number,
                cell=str(exc),
                problem="holds an id whose last digits a spreadsheet program has thrown away",
                remedy="Download the sheet again and import it without saving it from a spreadsheet program",
            )
        )
        return None


def _settings(
    table: Table, cells: _Cells, kinds: Sequence[str | None], names: Sequence[Names | None], refusals: list[Refusal]
) -> list[Setting]:
    rows = [i for i, kind in enumerate(kinds) if kind and names[i] is not None]
    money = {role: _amounts(table, cells, role, rows, refusals) for role in _MONEY_KEYS}
    settings = []
    for position, i in enumerate(rows):
        row, name = table.rows[i], names[i]
        assert name is not None  # noqa: S101  (rows holds named ones only)
        strategy = same_text(cells.text(row, "bidding strategy"))
        kind = kinds[i] or ""
        state = read_state(cells.text(row, "state"))
        settings.append(
            Setting(
                entity=kind,
                names=name,
                product=name.product if kind == "product_ad" else "",
                campaign_state=state if kind == "campaign" else read_state(cells.text(row, "campaign state")),
                ad_group_state=state if kind == "ad_group" else read_state(cells.text(row, "ad group state")),
                state=state if kind == "target" else None,
                bid=money[Role.BID].get(position) if kind == "target" else None,
                default_bid=money[Role.DEFAULT_BID].get(position),
                daily_budget=money[Role.DAILY_BUDGET].get(position) if kind == "campaign" else None,
                manual_bids=None if not strategy else not strategy.startswith("rule"),
            )
        )
    return settings


def _amounts(
    table: Table, cells: _Cells, role: Role, rows: Sequence[int], refusals: list[Refusal]
) -> Mapping[int, Decimal]:
    key = _MONEY_KEYS[role]
    found = [cells.cell(table.rows[i], key) for i in rows]
    marks = settle_marks({0: (role, found)}, stated=None, delimiter=table.grid.delimiter)
    column = read_numbers([(0, found)], role, marks, scale=Decimal(1))
    heading = table.headings[cells.columns(key)[0]] if cells.columns(key) else key
    refusals.extend(
        Refusal(
            file=table.name, row=table.rows[rows[at]].number, column=heading, cell=cell, problem=problem, remedy=remedy
        )
        for at, (cell, problem, remedy) in column.problems.items()
    )
    return {at: value for at, value in enumerate(column.values) if value is not None}


def _facts(
    table: Table, cells: _Cells, options: FilesOptions, targets: Sequence[int], names: Sequence[Names | None]
) -> Reading:
    """Read the figures of targets through the reader of all reports, so that all its checks hold here too."""
    metrics = [role for role in METRICS if role in _METRIC_KEYS and cells.columns(_METRIC_KEYS[role])]
    headings = (*_NAME_HEADINGS, *(table.headings[cells.columns(_METRIC_KEYS[role])[0]] for role in metrics))
    rows = []
    for i in targets:
        row, name = table.rows[i], names[i]
        assert name is not None  # noqa: S101  (targets are named)
        known = (
            name.campaign_id,
            name.campaign,
            name.ad_group_id,
            name.ad_group,
            name.target_id,
            name.target,
            name.match,
        )
        figures = tuple(cells.cell(row, _METRIC_KEYS[role]) for role in metrics)
        rows.append(Row(number=row.number, cells=(*known, *figures)))
    narrow = replace(table, headings=headings, rows=tuple(rows), refusals=(), repeated_headings=0)
    columns = {role: [i] for i, role in enumerate((*_NAME_ROLES, *metrics))}
    mapping = ColumnMapping(columns={role: (headings[at[0]],) for role, at in columns.items()})
    reader = TableReader(narrow, options, Format.AMAZON_BULK, mapping, columns)
    reading = reader.read_rows(sort_rows(narrow, columns))
    return replace(reading, table=table)


def _control_sum(
    table: Table, cells: _Cells, kinds: Sequence[str | None]
) -> tuple[tuple[str, dict[Role, Decimal]], ...]:
    campaigns = [table.rows[i] for i, kind in enumerate(kinds) if kind == "campaign"]
    sums: dict[Role, Decimal] = {}
    for role, key in _METRIC_KEYS.items():
        found = [cells.cell(row, key) for row in campaigns]
        marks = settle_marks({0: (role, found)}, stated=None, delimiter=table.grid.delimiter)
        known = [v for v in read_numbers([(0, found)], role, marks, scale=Decimal(1)).values if v is not None]
        if known:
            sums[role] = sum(known, Decimal(0))
    return (("the rows of campaigns", sums),) if sums else ()
