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
SETTINGS = {
    "listen_addresses": net.VPC["postgres"], "port": PORT, "ssl": "on",
    "max_connections": 1000, "shared_buffers": "32MB", "password_encryption": "scram-sha-256",
    # The data does not outlive the stack.
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
}


def program(name: str) -> str:
    found = Path("/usr/lib/postgresql/15/bin", name)
    if found.exists():
        return str(found)
    raise StackError("Postgres 15 is not installed; run tests/stack/install")


def start(stack):
    home = stack.directory("postgres")
    data = home / "data"
    shutil.chown(home, OS_USER, OS_USER)
    password_file = home / "password"
    password_file.write_text(PASSWORD)
    shutil.chown(password_file, OS_USER)
    made = subprocess.run(
        [program("initdb"), "-D", data, "-U", USER, f"--pwfile={password_file}", "--no-sync",
         "--no-instructions", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"],
        user=OS_USER, group=OS_USER, extra_groups=[], capture_output=True, text=True, cwd="/")
    if made.returncode != 0:
        raise StackError(f"initdb: {made.stderr.strip()}")
    cert, key = stack.authority.issue("postgres", dns.POSTGRES)
    shutil.copy(cert, home / "server.crt")
    shutil.copy(key, home / "server.key")
    os.chmod(home / "server.key", 0o600)
    shutil.chown(home / "server.key", OS_USER)
    with open(data / "pg_hba.conf", "a") as hba:
        hba.write("host all all 10.0.0.0/16 scram-sha-256\n")
    settings = {**SETTINGS, "unix_socket_directories": home, "ssl_cert_file": home / "server.crt",
                "ssl_key_file": home / "server.key"}
    command = [program("postgres"), "-D", data]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    process = stack.spawn("postgres", command, user=OS_USER)
    procs.wait_port(stack.ns("postgres"), net.VPC["postgres"], PORT, process,
                    stack.log("postgres"))
    for database in ("dify", "dify_plugin"):
        _create(home, database)
    return {"address": f"{net.VPC['postgres']}:{PORT}", "host": dns.POSTGRES, "user": USER,
            "password": PASSWORD, "database": "dify", "socket": str(home)}


def _create(socket: Path, database: str):
    ready = lambda: subprocess.run(
        [program("psql"), "-h", str(socket), "-U", USER, "-qc", f"CREATE DATABASE {database}"],
        env={"PGPASSWORD": PASSWORD}, capture_output=True).returncode == 0
    procs.wait_for(f"CREATE DATABASE {database}", ready, seconds=20)
