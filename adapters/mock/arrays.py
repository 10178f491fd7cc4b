"""Array types of the market engine, and the check that its frozen tables share.

The engine's tables are structs of arrays: row ``i`` of every column speaks of the same thing. Columns are
checked once for length and then read-only, so that forks of a market may share them.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Index = NDArray[np.intp]


def freeze_columns(table: object, *, rows: int) -> None:
    """Make every array of a frozen dataclass read-only, and check that its first axis has ``rows`` entries.

    Raises:
        ValueError: A column has another length; the message names it.
    """
    for field in fields(table):  # type: ignore[arg-type]  # only dataclasses call this
        value = getattr(table, field.name)
        if isinstance(value, tuple) and len(value) != rows:
            raise ValueError(f"{type(table).__name__}.{field.name} has {len(value)} rows, expected {rows}")
        if isinstance(value, np.ndarray):
            if value.shape[0] != rows:
                raise ValueError(f"{type(table).__name__}.{field.name} has shape {value.shape}, expected {rows} rows")
            view = value.view()
            view.flags.writeable = False
            object.__setattr__(table, field.name, view)


def by_group(group: Index, values: Floats | Ints, n_groups: int) -> Floats:
    """Sum ``values`` by ``group``, both (n_rows,); return float64 of shape (n_groups,)."""
    sums: Floats = np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)
    return sums
