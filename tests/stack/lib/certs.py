"""A certificate authority made at start, and a certificate for each TLS station."""
import subprocess
from pathlib import Path

from lib.paths import StackError

DAYS = "30"


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"openssl {arguments[0]}: {done.stderr.strip()}")


def _request(directory: Path, name: str, subject: str, *more):
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", DAYS, "-subj", f"/CN={subject}", "-keyout", directory / f"{name}.key",
             "-out", directory / f"{name}.crt", *more)


class Authority:
    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir(mode=0o755)
        _request(directory, "ca", "dflow stack CA",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.ca = directory / "ca.crt"

    def issue(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """Certificate and key for the host names, in files named after the station."""
        names = ",".join(f"DNS:{host}" for host in hosts)
        _request(self.directory, name, hosts[0], "-CA", self.ca,
                 "-CAkey", self.directory / "ca.key",
                 "-addext", f"subjectAltName={names}",
                 "-addext", "basicConstraints=critical,CA:FALSE")
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"
