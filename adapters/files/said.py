"""Say in sentences what an import found: the first thing a person reads, and checks against the console.

Turns `Import` into the `FileReading` that `bidder audit` prints. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapters.files.actions import show_value
from adapters.files.assembly import Import
from adapters.files.console import words_for
from adapters.files.follow_up import Fate, FollowUp
from adapters.files.formats import Format
from adapters.files.inspection import FileReport, Found
from adapters.files.mapping import METRICS, MONEY
from adapters.files.refusals import summarise
from adapters.files.totals import MetricCheck, Reconciliation
from bidder.ports import FileReading

_NAMED_DAYS = 5
_NAMED_KINDS = 20
_FATES = {
    Fate.CARRIED_OUT: "carried out",
    Fate.NOT_CARRIED_OUT: "not carried out",
    Fate.CHANGED_OTHERWISE: "changed to something else",
    Fate.CANNOT_TELL: "cannot tell",
}


def tell(found: Import, followed: Sequence[FollowUp] = ()) -> FileReading:
    """Return what people are told about an import."""
    inspection = found.inspection
    account = inspection.reconciliation
    accounts = [f.reconciliation for f in inspection.reports if f.reconciliation is not None]
    return FileReading(
        currency=found.currency,
        window_days=found.window_days,
        last_day=inspection.span.last if inspection.span else None,
        files=(
            *_files(found),
            *inspection.sentences,
            *(f"refused: {line}" for line in summarise(inspection.refusals, shown=_NAMED_KINDS)),
        ),
        totals=tuple(_totals(account, accounts)) if account else (),
        agrees=account is not None and all(a.holds for a in (account, *accounts)),
        protected_words=found.protected_words,
        protected_products=found.protected_products,
        carried_out=tuple(_fate(f) for f in followed),
    )


def _files(found: Import) -> Iterator[str]:
    inspection = found.inspection
    for file in inspection.files:
        yield f"{file.name}: {_what(file)}"
        if file.found in (Found.READ, Found.TOTALS_ONLY):
            if file.format is Format.GENERIC:
                yield f"  {_columns(file)}"
            yield from (f"  {sentence}" for sentence in file.sentences)
        elif file.columns:
            yield f"  recognised so far: {_columns(file).removeprefix('columns: ')}; state the rest in a mapping"
    yield f"amounts are in {inspection.currency}: {inspection.currency_said}"
    yield f"orders and sales are those of {found.window_days} days after the click"
    if inspection.missing_days:
        days = ", ".join(str(day) for day in inspection.missing_days[:_NAMED_DAYS])
        more = len(inspection.missing_days) - _NAMED_DAYS
        yield f"no row for {days}{f' and {more} more days' if more > 0 else ''}: missing, not zero"


def _what(file: FileReport) -> str:
    if file.found not in (Found.READ, Found.TOTALS_ONLY):
        return f"{file.found}: {file.why}"
    parts = [file.title, f"{file.rows:,} rows", " ".join(p for p in (file.encoding, file.delimiter) if p)]
    if file.span is not None:
        parts.append(f"{file.span.first} to {file.span.last}{'' if file.daily else ', totals of periods'}")
    lacks = f"; not used for decisions: {file.why}" if file.found is Found.TOTALS_ONLY else ""
    return ", ".join(part for part in parts if part) + lacks


def _columns(file: FileReport) -> str:
    read = ", ".join(f"{role} from {' + '.join(texts)}" for role, texts in file.columns.items())
    unused = f"; not used: {', '.join(file.unused)}" if file.unused else ""
    return f"columns: {read}{unused}"


def _totals(whole: Reconciliation, accounts: Sequence[Reconciliation]) -> Iterator[str]:
    accounts = [account for account in accounts if account.checks]
    for account in accounts if len(accounts) == 1 else (*accounts, whole):
        if len(accounts) > 1:
            yield f"{'all files together' if account is whole else account.name}:"
        for metric in METRICS:
            check = account.check(metric)
            if check is not None and (metric in MONEY or check.in_file):
                yield f"{metric}: {_check(check, account)}"
        yield from (sentence for sentence in account.sentences() if account is not whole)
    yield from whole.adjustments


def _check(check: MetricCheck, account: Reconciliation) -> str:
    said = f"{check.show(check.in_file)} in the file, {check.show(check.imported)} counted"
    if check.stated is not None and check.agrees:
        label = account.totals_rows[0] if account.totals_rows else "its totals row"
        said += f"; equals its own total ({label})"
    return said


def _fate(followed: FollowUp) -> str:
    line = followed.line
    words = words_for(None, "en")
    setting = words.settings.get((line.ref.kind, line.field), str(line.field)).lower()
    wanted = f"{setting} to {show_value(line.new, words)}"
    stands = f"; it stands at {show_value(followed.observed, words)}" if followed.observed is not None else ""
    return f"{_FATES[followed.fate]}: {line.label}: {wanted}{stands}{f' ({followed.why})' if followed.why else ''}"
