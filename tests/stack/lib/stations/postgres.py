"""A real Postgres 15 with TLS on, so that libpq's default `prefer` takes it."""
import os
import shutil
import subprocess
from pathlib import Path

from lib import net, procs
from lib.paths import StackError
from lib.stations import dns

PORT, USER, PASSWORD = 5432, "postgres", "difyai123456"
OS_USER = "postgres"  # the server refuses to run as root; the package makes this user
PROGRAMS = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "port": PORT, "max_connections": 1000, "shared_buffers": "32MB",
    "password_encryption": "scram-sha-256",
    # The data does not outlive the stack.
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
}


def start(stack):
    if not PROGRAMS.exists():
        raise StackError("Postgres 15 is not installed; run tests/stack/install")
    home = stack.directory("postgres")
    cert, key = stack.authority.issue("postgres", dns.POSTGRES)
    shutil.copy(cert, home / "server.crt")
    shutil.copy(key, home / "server.key")
    os.chmod(home / "server.key", 0o600)
    shutil.chown(home / "server.key", OS_USER)
    settings = {"ssl": "on", "ssl_cert_file": home / "server.crt",
                "ssl_key_file": home / "server.key"}
    return serve(stack, "postgres", dns.POSTGRES, PROGRAMS, settings, ("dify", "dify_plugin"))


def serve(stack, name: str, host: str, programs: Path, more: dict, databases: tuple) -> dict:
    """A server of one of the VPC's stations; its first database is Dify's."""
    home = stack.directory(name)
    data = home / "data"
    shutil.chown(home, OS_USER, OS_USER)
    _init(home, data, programs)
    settings = {**SETTINGS, "listen_addresses": net.VPC[name], "unix_socket_directories": home,
                **more}
    command = [programs / "postgres", "-D", data]
    for setting, value in settings.items():
        command += ["-c", f"{setting}={value}"]
    process = stack.spawn(name, command, user=OS_USER)
    procs.wait_port(stack.ns(name), net.VPC[name], PORT, process, stack.log(name))
    for database in databases:
        _create(home, database)
    return {"address": f"{net.VPC[name]}:{PORT}", "host": host, "user": USER,
            "password": PASSWORD, "database": databases[0], "socket": str(home)}


def _init(home: Path, data: Path, programs: Path):
    password_file = home / "password"
    password_file.write_text(PASSWORD)
    shutil.chown(password_file, OS_USER)
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", USER, f"--pwfile={password_file}", "--no-sync",
         "--no-instructions", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"],
        user=OS_USER, group=OS_USER, extra_groups=[], capture_output=True, text=True, cwd="/")
    if made.returncode != 0:
        raise StackError(f"initdb: {made.stderr.strip()}")
    with open(data / "pg_hba.conf", "a") as hba:
        hba.write("host all all 10.0.0.0/16 scram-sha-256\n")


def _create(socket: Path, database: str):
    ready = lambda: subprocess.run(
        [PROGRAMS / "psql", "-h", str(socket), "-U", USER, "-qc", f"CREATE DATABASE {database}"],
        env={"PGPASSWORD": PASSWORD}, capture_output=True).returncode == 0
    procs.wait_for(f"CREATE DATABASE {database}", ready, seconds=20)
