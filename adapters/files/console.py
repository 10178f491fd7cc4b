"""The words of each console, so that an operator finds every line of an action sheet where they work.

Data and small look-ups; used by `adapters.files.actions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from adapters.files.formats import Format
from adapters.files.ownership import MARKS
from bidder.core.change import Field
from bidder.core.entities import EntityKind, MatchType, State

Language = Literal["en", "zh"]


class Heading(StrEnum):
    """Columns of the action sheet."""

    LINE = "line"
    ACTION = "action"
    CAMPAIGN = "campaign"
    AD_GROUP = "ad_group"
    TARGET = "target"
    MATCH = "match"
    SETTING = "setting"
    NOW = "now"
    CHANGE_TO = "change_to"
    GAIN = "gain"
    REASON = "reason"
    CAMPAIGN_ID = "campaign_id"
    AD_GROUP_ID = "ad_group_id"
    TARGET_ID = "target_id"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What things are called in one console.

    Attributes:
        headings: Titles of the sheet's columns.
        settings: Names of settings by kind of entity and field.
        states, matches: Names of states and match types.
        actions: Sentences by what is done; ``{amount}`` takes the new value.
        unknown: Stands where the export does not state the present value.
        about: Stands for it where it was estimated from what was paid, by field.
        relative: A move relative to an estimate: down, then up.
    """

    headings: Mapping[Heading, str]
    settings: Mapping[tuple[EntityKind, Field], str]
    states: Mapping[State, str]
    matches: Mapping[MatchType, str]
    actions: Mapping[str, str]
    unknown: str
    about: Mapping[Field, str]
    relative: tuple[str, str]


_EN_HEADINGS = {
    Heading.LINE: MARKS[0].capitalize(),
    Heading.ACTION: "Action",
    Heading.CAMPAIGN: "Campaign",
    Heading.AD_GROUP: "Ad group",
    Heading.TARGET: "Keyword or target",
    Heading.MATCH: "Match type",
    Heading.SETTING: "Setting",
    Heading.NOW: "Now",
    Heading.CHANGE_TO: "Change to",
    Heading.GAIN: "Expected gain a day",
    Heading.REASON: "Reason",
    Heading.CAMPAIGN_ID: "Campaign ID",
    Heading.AD_GROUP_ID: "Ad group ID",
    Heading.TARGET_ID: "Keyword or target ID",
    Heading.KEY: "Key",
}
_EN_SETTINGS = {
    (EntityKind.CAMPAIGN, Field.DAILY_BUDGET): "Daily budget",
    (EntityKind.CAMPAIGN, Field.STATE): "State",
    (EntityKind.AD_GROUP, Field.BID): "Default bid",
    (EntityKind.AD_GROUP, Field.STATE): "State",
    (EntityKind.TARGET, Field.BID): "Bid",
    (EntityKind.TARGET, Field.STATE): "State",
    (EntityKind.CAMPAIGN, Field.DAYPARTS): "Bids by hour",
    (EntityKind.CAMPAIGN, Field.BID): "Bids",
}
_EN_ACTIONS = {
    "pause_campaign": "Pause the campaign",
    "pause_ad_group": "Pause the ad group",
    "pause_target": "Pause the keyword or target",
    "exclude": "Add the search term as a negative exact keyword",
    "resume": "Set to enabled",
    "lower_bid": "Lower the bid",
    "raise_bid": "Raise the bid",
    "set_bid": "Set the bid",
    "lower_budget": "Lower the daily budget",
    "raise_budget": "Raise the daily budget",
    "set_budget": "Set a daily budget",
    "dayparts": "Set bids by hour",
    "archive": "Archive",
}
_EN = Words(
    headings=_EN_HEADINGS,
    settings=_EN_SETTINGS,
    actions=_EN_ACTIONS,
    unknown="not in the export",
    about={Field.BID: "about {amount} (price of a click)", Field.DAILY_BUDGET: "about {amount} (most spent on a day)"},
    relative=("lower by {share}, to about {amount}", "raise by {share}, to about {amount}"),
    states={State.ENABLED: "enabled", State.PAUSED: "paused", State.ARCHIVED: "archived", State.OTHER: "other"},
    matches={
        MatchType.EXACT: "exact",
        MatchType.PHRASE: "phrase",
        MatchType.BROAD: "broad",
        MatchType.AUTO: "auto",
        MatchType.NONE: "",
        MatchType.OTHER: "other",
    },
)
_GOOGLE = Words(
    headings=_EN_HEADINGS | {Heading.TARGET: "Keyword", Heading.TARGET_ID: "Keyword ID"},
    settings=_EN_SETTINGS
    | {
        (EntityKind.CAMPAIGN, Field.DAILY_BUDGET): "Budget",
        (EntityKind.TARGET, Field.BID): "Max. CPC",
        (EntityKind.AD_GROUP, Field.BID): "Default max. CPC",
        (EntityKind.CAMPAIGN, Field.STATE): "Campaign status",
        (EntityKind.AD_GROUP, Field.STATE): "Ad group status",
        (EntityKind.TARGET, Field.STATE): "Keyword status",
    },
    actions=_EN_ACTIONS
    | {"lower_bid": "Lower the max. CPC", "raise_bid": "Raise the max. CPC", "set_bid": "Set the max. CPC"},
    unknown=_EN.unknown,
    about=_EN.about,
    relative=_EN.relative,
    states={State.ENABLED: "Enabled", State.PAUSED: "Paused", State.ARCHIVED: "Removed", State.OTHER: "Other"},
    matches={
        MatchType.EXACT: "Exact match",
        MatchType.PHRASE: "Phrase match",
        MatchType.BROAD: "Broad match",
        MatchType.AUTO: "",
        MatchType.NONE: "",
        MatchType.OTHER: "",
    },
)
_ZH = Words(
    headings={
        Heading.LINE: MARKS[1],
        Heading.ACTION: "操作",
        Heading.CAMPAIGN: "计划",
        Heading.AD_GROUP: "单元",
        Heading.TARGET: "关键词",
        Heading.MATCH: "匹配方式",
        Heading.SETTING: "设置项",
        Heading.NOW: "当前值",
        Heading.CHANGE_TO: "改为",
        Heading.GAIN: "预计每日增益",
        Heading.REASON: "原因",
        Heading.CAMPAIGN_ID: "计划ID",
        Heading.AD_GROUP_ID: "单元ID",
        Heading.TARGET_ID: "关键词ID",
        Heading.KEY: "识别码",
    },
    settings={
        (EntityKind.CAMPAIGN, Field.DAILY_BUDGET): "日限额",
        (EntityKind.CAMPAIGN, Field.STATE): "状态",
        (EntityKind.AD_GROUP, Field.BID): "默认出价",
        (EntityKind.AD_GROUP, Field.STATE): "状态",
        (EntityKind.TARGET, Field.BID): "出价",
        (EntityKind.TARGET, Field.STATE): "状态",
        (EntityKind.CAMPAIGN, Field.DAYPARTS): "分时折扣",
        (EntityKind.CAMPAIGN, Field.BID): "出价",
    },
    states={State.ENABLED: "开启", State.PAUSED: "暂停", State.ARCHIVED: "已结束", State.OTHER: "其他"},
    matches={
        MatchType.EXACT: "精确匹配",
        MatchType.PHRASE: "短语匹配",
        MatchType.BROAD: "广泛匹配",
        MatchType.AUTO: "智能匹配",
        MatchType.NONE: "",
        MatchType.OTHER: "",
    },
    actions={
        "pause_campaign": "暂停计划",
        "pause_ad_group": "暂停单元",
        "pause_target": "暂停关键词",
        "exclude": "将搜索词加为精确否定词",
        "resume": "开启",
        "lower_bid": "降低出价",
        "raise_bid": "提高出价",
        "set_bid": "设置出价",
        "lower_budget": "降低日限额",
        "raise_budget": "提高日限额",
        "set_budget": "设置日限额",
        "dayparts": "设置分时折扣",
        "archive": "结束",
    },
    unknown="报表中没有",
    about={Field.BID: "约 {amount}（平均点击花费）", Field.DAILY_BUDGET: "约 {amount}（单日最高花费）"},
    relative=("降低 {share}，至约 {amount}", "提高 {share}，至约 {amount}"),
)


def language_of(wanted: Literal["auto", "en", "zh"], formats: Mapping[str, Format]) -> Language:
    """Return the language of a sheet: the one wanted, else that of the console most campaigns live in."""
    if wanted != "auto":
        return wanted
    chinese = sum(form is Format.ZHITONGCHE for form in formats.values())
    return "zh" if chinese * 2 > len(formats) else "en"


def words_for(form: Format | None, language: Language) -> Words:
    """Return the words for entities of a console, in the language of the sheet."""
    if language == "zh":
        return _ZH
    return _GOOGLE if form is Format.GOOGLE_ADS else _EN
