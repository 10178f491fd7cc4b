"""The database: SQLModel tables, column types, engine and migrations. A leaf: imports nothing of ours.

Only `bidder.store` maps these rows to domain objects.
"""

from __future__ import annotations

from models.accounts import (
    AccountRow,
    AdGroupRow,
    CampaignRow,
    ExternalEditRow,
    LifecycleStageRow,
    ProductRow,
    StructureVersionRow,
    TargetRow,
)
from models.audit import AuditRow
from models.columns import Row
from models.control import ConfigVersionRow, ControlRow, StampRow
from models.decisions import ClearanceRow, CycleRow, DecisionRow, ForecastRow, HoldRow, ObjectionRow
from models.execution import AdapterMemoryRow, BudgetLineRow, IntentRow, OutcomeRow, ReservationRow
from models.facts import (
    DailyFactRow,
    DevelopmentRow,
    ExcludedDayRow,
    FactEntityRow,
    FactSeriesRow,
    FactSightingRow,
    HourlyFactRow,
    ProductFactRow,
    ReportRow,
)

__all__ = [
    "AccountRow",
    "AdGroupRow",
    "AdapterMemoryRow",
    "AuditRow",
    "BudgetLineRow",
    "CampaignRow",
    "ClearanceRow",
    "ConfigVersionRow",
    "ControlRow",
    "CycleRow",
    "DailyFactRow",
    "DecisionRow",
    "DevelopmentRow",
    "ExcludedDayRow",
    "ExternalEditRow",
    "FactEntityRow",
    "FactSeriesRow",
    "FactSightingRow",
    "ForecastRow",
    "HoldRow",
    "HourlyFactRow",
    "IntentRow",
    "LifecycleStageRow",
    "ObjectionRow",
    "OutcomeRow",
    "ProductFactRow",
    "ProductRow",
    "ReportRow",
    "ReservationRow",
    "Row",
    "StampRow",
    "StructureVersionRow",
    "TargetRow",
]
