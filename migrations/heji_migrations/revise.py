"""Write the next revision from what `heji_trace.store.tables` says and the revisions do not yet: `./run revision`."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.script import Script
from sqlalchemy import create_engine

from heji_migrations import upgrade


def main(message: str) -> None:
    """Compare the tables with a fresh database at the newest revision and write what differs."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection, connection.begin():
        config = upgrade.config(connection)
        command.upgrade(config, "head")
        newest = upgrade.current(connection)
        number = int(newest or "0") + 1
        script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
    if not isinstance(script, Script):
        sys.exit("one revision was expected")
    path = Path(script.path)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ###" not in line), "utf-8")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or sys.exit("what does the revision do? say it in a few words"))
