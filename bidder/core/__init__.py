"""Pure decisions on frozen domain objects and numpy arrays: no rows, no I/O, no clock."""
