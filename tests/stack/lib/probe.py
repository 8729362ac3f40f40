"""Ask the stack's own servers what they hold."""
import subprocess
import urllib.parse

from lib.procs import netns_path
from lib.stations.postgres import PROGRAMS


def sql(up: dict, query: str) -> list[list[str]]:
    about = up["postgres"]
    done = subprocess.run(
        [PROGRAMS / "psql", "-h", about["socket"], "-U", about["user"], "-d", about["database"],
         "-qAt0", "-F", "\x1f", "-c", query],
        env={"PGPASSWORD": about["password"]}, capture_output=True, text=True, check=True)
    return [row.split("\x1f") for row in done.stdout.split("\0") if row]


def redis(up: dict, *command: str) -> str:
    address, port = up["addresses"]["redis"].split(":")
    done = subprocess.run(
        ["nsenter", f"--net={netns_path(up['netns']['redis'])}", "redis-cli", "-h", address,
         "-p", port, "--no-auth-warning", "-a", up["redis"]["password"], *command],
        capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


def s3_requests(up: dict) -> list[str]:
    """The S3 server's access log: method and decoded path of each request."""
    with open(f"{up['state']}/log/s3.log", errors="replace") as log:
        return [urllib.parse.unquote(line.split('"')[1]) for line in log if "HTTP/1.1" in line]
