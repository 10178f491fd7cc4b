# ruff: noqa: E501  (lists of words are read as lists)
"""Read the side files a person keeps by hand: products with price, cost, refund rate and stock; protected words.

Prices and costs never stand in advertising reports, and without them profit cannot be judged. Called by
`adapters.files.importing`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from adapters.files.columns import NumberColumn, read_numbers, settle_marks
from adapters.files.days import DayHints, read_days
from adapters.files.headings import understand
from adapters.files.mapping import Role
from adapters.files.naming import LostDigits, clean_id, clean_name
from adapters.files.numbers import Mark
from adapters.files.refusals import Refusal
from adapters.files.tables import Table, as_text, same_text
from bidder.core.entities import Product, ProductId
from bidder.core.money import Money

DEFAULT_CATEGORY = "general"


class Trait(StrEnum):
    """What a column of the product file can mean."""

    ID = "id"
    TITLE = "title"
    CATEGORY = "category"
    PRICE = "price"
    UNIT_COST = "unit_cost"
    MARGIN = "margin"
    REFUND_RATE = "refund_rate"
    RETURN_COST = "return_cost"
    STOCK = "stock"
    SIZES_GONE = "core_sizes_gone"
    LAUNCH_DATE = "launch_date"
    LEAD_TIME = "lead_time_days"
    CAMPAIGNS = "campaigns"
    AD_GROUPS = "ad_groups"
    PROTECTED = "protected"


_PHRASES = {
    Trait.ID: "sku|asin|item|item id|product|product id|id|商品id|宝贝id|主体id|货号|商家编码|款号|merchant sku|seller sku|artikelnummer",
    Trait.TITLE: "title|name|product name|product title|item name|商品名称|宝贝名称|商品标题|标题|名称",
    Trait.CATEGORY: "category|product category|类目|品类|分类|kategorie|catégorie|categoría",
    Trait.PRICE: "price|selling price|sale price|unit price|售价|价格|单价|成交价|preis|prix|precio",
    Trait.UNIT_COST: "unit cost|cost|cogs|cost of goods|cost price|purchase price|landed cost|成本|成本价|进货价|采购价|单位成本|einkaufspreis",
    Trait.MARGIN: "margin|gross margin|contribution margin|margin rate|毛利率|毛利|利润率|marge",
    Trait.REFUND_RATE: "refund rate|return rate|refunds|退款率|退货率|retourenquote",
    Trait.RETURN_COST: "return cost|cost of a return|cost per return|退货成本|退货费用|售后成本",
    Trait.STOCK: "stock|inventory|stock quantity|available|available stock|quantity|on hand|库存|可售库存|bestand",
    Trait.SIZES_GONE: "core sizes gone|sizes gone|断码|核心尺码断码",
    Trait.LAUNCH_DATE: "launch date|launched|launch|listing date|上架日期|上新日期|上架时间|上市日期",
    Trait.LEAD_TIME: "lead time|lead time days|lead days|reorder days|补货周期|补货天数|交期|生产周期",
    Trait.CAMPAIGNS: "campaign|campaigns|campaign name|campaign id|计划|计划名称|计划id|推广计划",
    Trait.AD_GROUPS: "ad group|ad groups|adgroup|ad group name|ad group id|单元|单元名称|单元id|推广单元",
    Trait.PROTECTED: "protected|protect|保护|受保护",
}
_KNOWN = {understand(text).key: trait for trait, phrases in _PHRASES.items() for text in phrases.split("|")}
_ECONOMICS = frozenset({Trait.PRICE, Trait.UNIT_COST, Trait.MARGIN, Trait.REFUND_RATE, Trait.STOCK})
_ADVERTISING = frozenset(
    understand(text).key
    for text in ["impressions", "clicks", "spend", "cost per click", "展现量", "点击量", "花费", "impr.", "total cost"]
)
_LIST = re.compile(r"[;|；、\n]")
_YES = frozenset({"yes", "y", "true", "1", "x", "是", "有", "ja", "oui", "sí"})
_NO = frozenset({"", "no", "n", "false", "0", "否", "无", "nein", "non", "-", "--"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """What the product file says.

    Attributes:
        products: One for each row.
        campaigns: Case-folded campaign name or id to the one product it advertises.
        ad_groups: Likewise for ad groups.
        protected: Products that are never paused.
        refusals: Cells that could not be read.
        sentences: What was assumed.
    """

    products: tuple[Product, ...] = ()
    campaigns: Mapping[str, str] = field(default_factory=dict)
    ad_groups: Mapping[str, str] = field(default_factory=dict)
    protected: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    sentences: tuple[str, ...] = ()


def is_product_file(table: Table) -> bool:
    """Tell a product file from a report: it names products and their economics and no advertising."""
    keys = {understand(text).key for text in table.headings}
    traits = {_KNOWN[key] for key in keys if key in _KNOWN}
    return Trait.ID in traits and bool(traits & _ECONOMICS) and not keys & _ADVERTISING


def read_products(table: Table, currency: str) -> Goods:
    """Read the product file.

    Args:
        table: Its rows.
        currency: Of prices and costs.
    """
    return _GoodsReader(table, currency).read()


class _GoodsReader:
    def __init__(self, table: Table, currency: str) -> None:
        self.table, self.currency = table, currency
        self.columns: dict[Trait, int] = {}
        for index, text in enumerate(table.headings):
            trait = _KNOWN.get(understand(text).key)
            if trait is not None:
                self.columns.setdefault(trait, index)
        self.refusals: list[Refusal] = list(table.refusals)
        self.sentences: list[str] = []

    def read(self) -> Goods:
        numeric = {
            t: self._figures(t)
            for t in (
                Trait.PRICE,
                Trait.UNIT_COST,
                Trait.MARGIN,
                Trait.REFUND_RATE,
                Trait.RETURN_COST,
                Trait.STOCK,
                Trait.LEAD_TIME,
            )
        }
        shares = {t: self._shares(t, numeric[t]) for t in (Trait.MARGIN, Trait.REFUND_RATE)}
        launches = self._launches()
        products: list[Product] = []
        links: dict[Trait, dict[str, set[str]]] = {Trait.CAMPAIGNS: {}, Trait.AD_GROUPS: {}}
        protected: list[str] = []
        seen: dict[str, int] = {}
        for at, row in enumerate(self.table.rows):
            identity = self._id(at)
            if not identity:
                continue
            if identity in seen:
                self._refuse(at, Trait.ID, f"stands already in row {seen[identity]}", "Keep one row for each product")
                continue
            seen[identity] = row.number
            products.append(self._product(at, identity, numeric, shares, launches))
            for trait, known in links.items():
                for name in _LIST.split(self._text(at, trait)):
                    if name.strip():
                        known.setdefault(same_text(name), set()).add(identity)
            if self._flag(at, Trait.PROTECTED):
                protected.append(identity)
        single = {t: {n: next(iter(p)) for n, p in known.items() if len(p) == 1} for t, known in links.items()}
        return Goods(
            products=tuple(products),
            campaigns=single[Trait.CAMPAIGNS],
            ad_groups=single[Trait.AD_GROUPS],
            protected=tuple(protected),
            refusals=tuple(self.refusals),
            sentences=tuple(self.sentences),
        )

    def _product(
        self,
        at: int,
        identity: str,
        numeric: Mapping[Trait, Sequence[Decimal | None]],
        shares: Mapping[Trait, Sequence[float | None]],
        launches: Sequence[date | None],
    ) -> Product:
        stock, lead = numeric[Trait.STOCK][at], numeric[Trait.LEAD_TIME][at]
        return Product(
            id=ProductId(identity),
            title=self._text(at, Trait.TITLE) or identity,
            category=self._text(at, Trait.CATEGORY) or DEFAULT_CATEGORY,
            price=self._money(numeric[Trait.PRICE][at]),
            unit_cost=self._money(numeric[Trait.UNIT_COST][at]),
            margin=shares[Trait.MARGIN][at],
            refund_rate=shares[Trait.REFUND_RATE][at],
            return_cost=self._money(numeric[Trait.RETURN_COST][at]),
            stock=None if stock is None else int(stock),
            core_sizes_gone=self._flag(at, Trait.SIZES_GONE),
            launch_date=launches[at],
            lead_time_days=None if lead is None else int(lead),
        )

    def _figures(self, trait: Trait) -> Sequence[Decimal | None]:
        index = self.columns.get(trait)
        if index is None:
            return [None] * len(self.table.rows)
        cells = self.table.column(index)
        role = Role.UNITS if trait in (Trait.STOCK, Trait.LEAD_TIME) else Role.SPEND
        marks = settle_marks({index: (role, cells)}, stated=None, delimiter=self.table.grid.delimiter)
        if index in marks.doubtful:
            marks = settle_marks({index: (role, cells)}, stated=Mark.POINT, delimiter=self.table.grid.delimiter)
        column: NumberColumn = read_numbers(
            [(index, cells)], role, marks, scale=understand(self.table.headings[index]).scale
        )
        for at, (_, problem, remedy) in column.problems.items():
            self._refuse(at, trait, problem, remedy)
        return column.values

    def _shares(self, trait: Trait, values: Sequence[Decimal | None]) -> list[float | None]:
        """Read shares written as 0.45, 45% or, in a column where some value exceeds 1, as 45."""
        index = self.columns.get(trait)
        percent = any(v is not None and v > 1 for v in values)
        if percent and index is not None:
            self.sentences.append(f"{self.table.headings[index]} is read as percent: {trait} cannot exceed 1")
        shares: list[float | None] = []
        for at, value in enumerate(values):
            cell = as_text(self.table.rows[at].cells[index]) if index is not None else ""
            share = value if value is None or "%" in cell or not percent else value / 100
            if share is not None and not 0 <= share <= 1:
                self._refuse(at, trait, "is no share of 0% to 100%", "Write 45% or 0.45")
                share = None
            shares.append(None if share is None else float(share))
        return shares

    def _launches(self) -> list[date | None]:
        index = self.columns.get(Trait.LAUNCH_DATE)
        if index is None:
            return [None] * len(self.table.rows)
        column = read_days(self.table.column(index), DayHints())
        for at, (problem, remedy) in column.problems.items():
            self._refuse(at, Trait.LAUNCH_DATE, problem, remedy)
        return [days.first if days else None for days in column.days]

    def _id(self, at: int) -> str:
        try:
            return clean_id(self.table.rows[at].cells[self.columns[Trait.ID]])
        except LostDigits:
            self._refuse(
                at, Trait.ID, "is an id whose last digits are lost", "Format the column as text and save again"
            )
            return ""

    def _text(self, at: int, trait: Trait) -> str:
        index = self.columns.get(trait)
        return "" if index is None else clean_name(self.table.rows[at].cells[index])

    def _flag(self, at: int, trait: Trait) -> bool:
        text = same_text(self._text(at, trait))
        if text not in _YES and text not in _NO:
            self._refuse(at, trait, "is neither yes nor no", "Write yes or no")
        return text in _YES

    def _money(self, amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(int((amount * 1_000_000).to_integral_value()), self.currency)

    def _refuse(self, at: int, trait: Trait, problem: str, remedy: str) -> None:
        row, index = self.table.rows[at], self.columns[trait]
        self.refusals.append(
            Refusal(
                file=self.table.name,
                row=row.number,
                column=self.table.headings[index],
                cell=as_text(row.cells[index]),
                problem=problem,
                remedy=remedy,
            )
        )


def read_protected_words(text: str) -> tuple[str, ...]:
    """Read protected words, one a line; lines that start with # are notes."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
