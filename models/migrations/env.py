"""What alembic runs to migrate: on the connection it is handed, in that connection's transaction."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import models  # Declares all tables and how their types are rendered.

__all__ = ["models"]

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
