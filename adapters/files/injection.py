"""Keep a spreadsheet program from running what a marketplace's text says: names are hostile input.

The rule: a cell that starts like a formula, also in full width or behind a control character, gets an apostrophe;
numbers stay numbers. Used by every writer in this package; `adapters.files.naming` takes the apostrophe off again.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

STARTS = frozenset("=+-@\t\r\n\0＝＋－＠﹢﹣﹦﹫−")
"""First characters that some spreadsheet program takes as the start of a formula."""
_UNSHOWN = frozenset({"Cc", "Cs"})
"""Categories of characters that show nothing and that XML, and so a workbook, cannot hold."""
_NO_XML = frozenset("\ufffe\uffff")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")


def safe_cell(value: str | int | Decimal | None) -> str:
    """Return the text of a cell that no spreadsheet program runs.

    Numbers pass unchanged. Other control characters are taken out: they show nothing and break workbooks.
    """
    if value is None:
        return ""
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = value
    if _NUMBER.fullmatch(text):
        return text
    shown = "".join(c for c in text if c in "\n\t" or (unicodedata.category(c) not in _UNSHOWN and c not in _NO_XML))
    # Both forms are judged: what is taken out may have stood before an equals sign.
    guarded = any(form[:1] in STARTS or form.lstrip()[:1] in STARTS for form in (text, shown) if form)
    return f"'{shown}" if guarded else shown
