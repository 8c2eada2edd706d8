"""${message}."""
# ruff: noqa: E501, PLR0915 - written by comparison with the models, as long as the tables are

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables. There is no way down: restore the backup instead."""
    ${upgrades if upgrades else "pass"}
