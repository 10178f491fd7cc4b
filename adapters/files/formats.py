# ruff: noqa: E501  (lists of words are read as lists)
"""Recognise which console wrote a table, and what follows from that: blanks, attribution window, currency, words.

Formats differ in manners, not in structure: once mapped, all are read by the same code. Called by
`adapters.files.reading`; pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapters.files.headings import understand
from adapters.files.mapping import Blank
from adapters.files.tables import same_text


class Format(StrEnum):
    """Who wrote the table."""

    AMAZON_BULK = "amazon_bulk"
    AMAZON_REPORT = "amazon_report"
    GOOGLE_ADS = "google_ads"
    ZHITONGCHE = "zhitongche"
    META_ADS = "meta_ads"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What a format takes for granted.

    Attributes:
        title: For people.
        blank: What an empty figure means in a row that has others.
        window_days: Attribution window where no heading names one.
        window_said: Why that window.
        currency: Where the file does not say; empty where nothing follows.
        console: A console's own report: extra columns split entities and name no new ones.
    """

    title: str
    blank: Blank
    window_days: int
    window_said: str
    currency: str = ""
    console: bool = True


MANNERS = {
    Format.AMAZON_BULK: Manners(
        title="Amazon Sponsored Products bulk operations sheet",
        blank="none",
        window_days=7,
        window_said="Amazon counts sellers' orders of 7 days after the click",
    ),
    Format.AMAZON_REPORT: Manners(
        title="Amazon Sponsored Products report",
        blank="none",
        window_days=7,
        window_said="Amazon counts sellers' orders of 7 days after the click",
    ),
    Format.GOOGLE_ADS: Manners(
        title="Google Ads report",
        blank="none",
        window_days=30,
        window_said="Google Ads counts conversions of 30 days after the click unless set otherwise",
    ),
    Format.ZHITONGCHE: Manners(
        title="Zhitongche or Wanxiangtai report (直通车, 万相台无界 and alike)",
        blank="none",
        window_days=15,
        window_said="the console counts orders of 15 days after the click unless set otherwise",
        currency="CNY",
    ),
    Format.META_ADS: Manners(
        title="Meta Ads report",
        blank="none",
        window_days=7,
        window_said="Meta counts purchases of 7 days after the click unless set otherwise",
    ),
    Format.GENERIC: Manners(
        title="table of unknown origin",
        blank="refuse",
        window_days=30,
        window_said="orders are taken to be of 30 days after the click",
        console=False,
    ),
}

_AMAZON_KEYS = frozenset(
    understand(text).key
    for text in (
        "Total Advertising Cost of Sales (ACOS)",
        "Total Return on Advertising Spend (ROAS)",
        "Click-Thru Rate (CTR)",
        "Customer Search Term",
        "Advertised SKU",
        "Advertised ASIN",
        "Advertiser account ID",
        "Purchases (promoted)",
        "Budget currency",
        "Portfolio name",
        "Advertised SKU Sales",
        "Other SKU Sales",
    )
)
_GOOGLE_KEYS = frozenset(
    understand(text).key
    for text in (
        "Campaign status",
        "Ad group status",
        "Keyword status",
        "Search keyword",
        "Impr.",
        "Avg. CPC",
        "Conv. value",
        "Cost / conv.",
        "Interaction rate",
        "Optimization score",
        "Bid strategy type",
        "Max. CPC",
        "Search impr. share",
        "Conv. value / cost",
        "Währungscode",
        "Code de la devise",
        "Código de moneda",
        "Conv.-Wert",
        "Kampagnenstatus",
        "Valeur de conv.",
        "Valor de conv.",
        "Suchkeyword",
        "Durchschn. CPC",
        "Impr. (Top) %",
    )
)
_META_KEYS = frozenset(
    understand(text).key
    for text in (
        "Reporting starts",
        "Reporting ends",
        "Amount spent (USD)",
        "Ad set name",
        "Purchases conversion value",
    )
)
_ALIMAMA_WHERE = ("计划", "单元", "推广", "宝贝", "主体", "关键词", "词名字", "场景", "人群")
_ALIMAMA_WHAT = ("展现量", "点击量", "花费", "投入产出比", "成交金额", "总成交", "平均点击花费", "收藏", "购物车")
_GOOGLE_TITLE = re.compile(
    r"\breport\b|bericht|rapport|informe|relatório|rapporto|レポート|보고서|报告|отчет|отчёт", re.IGNORECASE
)
_LEAST_MARKS = 2
_BULK = (frozenset({"entity", "operation"}), frozenset({"实体层级", "操作"}))
_OLD_BULK = frozenset({"record type", "record id"})


def recognise(headings: Sequence[str], preamble: Sequence[str]) -> Format:
    """Return the format of a table by its headings and the lines above them."""
    keys = {understand(text).key for text in headings}
    if any(keys >= marks for marks in _BULK):
        return Format.AMAZON_BULK
    windows = any(understand(text).window_days in (7, 14) and " day " in f" {same_text(text)} " for text in headings)
    amazon = len(keys & _AMAZON_KEYS) + windows + 2 * any("广告活动" in text for text in headings)
    if amazon >= _LEAST_MARKS:
        return Format.AMAZON_REPORT
    if len(keys & _META_KEYS) >= _LEAST_MARKS:
        return Format.META_ADS
    where = sum(any(word in text for word in _ALIMAMA_WHERE) for text in headings)
    what = sum(any(word in text for word in _ALIMAMA_WHAT) for text in headings)
    if where and what >= _LEAST_MARKS:
        return Format.ZHITONGCHE
    marks = len(keys & _GOOGLE_KEYS) + any(_GOOGLE_TITLE.search(line) for line in preamble[:1])
    if marks >= _LEAST_MARKS:
        return Format.GOOGLE_ADS
    return Format.GENERIC


def is_old_bulk(headings: Sequence[str]) -> bool:
    """Tell Amazon's retired bulk sheet, whose rows have no operation."""
    return {understand(text).key for text in headings} >= _OLD_BULK


_WORDS = {
    "enabled": "enabled enable active eligible running on delivering live true 启用 开启 已开启 推广中 投放中 有效 正常 参与推广 上线 aktiviert aktiv "
    "activé activée actif active activo activa habilitado habilitada ativo ativa attivo attiva actief ingeschakeld 有効 "
    "사용 включено active 运行中 start online",
    "paused": "paused pause inactive off disabled not_delivering 暂停 已暂停 暂停推广 未投放 关闭 下线 pausiert en_pause suspendu pausado "
    "pausada in_pausa sospeso gepauzeerd onderbroken 一時停止 일시중지 приостановлено duraklatıldı wstrzymano offline",
    "archived": "archived removed deleted ended finished terminated 已结束 结束 已删除 删除 归档 entfernt beendet supprimé terminé "
    "eliminado finalizado removido rimosso verwijderd 削除済み 삭제됨 удалено",
}
_STATES = {word.replace("_", " "): state for state, words in _WORDS.items() for word in words.split()}


def read_state(text: str) -> str | None:
    """Return ``enabled``, ``paused``, ``archived`` or ``other``; ``None`` where nothing is said."""
    plain = same_text(text).replace("_", " ")
    if plain in {"", "-", "--"}:
        return None
    first = re.split(r"[(,:;（]", plain)[0].strip()
    return _STATES.get(plain) or _STATES.get(first) or "other"


_MATCHES = {
    "exact": "exact exact match genau passend mot clé exact exacta exata esatta exact zoekwoord 精确匹配 精准匹配 精确 完全一致 정확 точное",
    "phrase": "phrase phrase match passende wortgruppe expression exacte frase de frase a frase 短语匹配 词组匹配 词组 フレーズ一致 구문",
    "broad": "broad broad match weitgehend passend requête large amplia ampla generica breed 广泛匹配 广泛 部分一致 확장 широкое",
    "auto": "auto automatic 智能匹配 自动匹配 close match loose match substitutes complements",
}


def read_match(text: str) -> str | None:
    """Return ``exact``, ``phrase``, ``broad``, ``auto`` or ``other``; ``None`` where nothing is said."""
    plain = same_text(text).replace("-", " ").replace("_", " ").strip()
    if not plain:
        return None
    for match, words in _MATCHES.items():
        if (
            plain in {words.split()[0], *words.split()}
            or plain.startswith(words.split()[0])
            or f" {plain} " in f" {words} "
        ):
            return match
    return "other"
