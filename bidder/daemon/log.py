"""Sets the log up as configured, with every secret known to it, so that none can appear."""

from __future__ import annotations

from bidder.logs import set_up
from bidder.settings import Settings
from bidder.wiring import all_secrets


def begin_log(settings: Settings) -> None:
    """Send the log where the configuration says."""
    file = settings.folder / settings.log.file if settings.log.file else None
    set_up(level=settings.log.level, form=settings.log.format, file=file, secrets=all_secrets(settings))
