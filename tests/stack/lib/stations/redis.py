"""A real Redis: a plaintext and a TLS port, with Dify's password."""
import shutil

from lib import net, procs
from lib.stations import dns

PORT, TLS_PORT, PASSWORD = 6379, 6380, "difyai123456"


def start(stack):
    cert, key = stack.authority.issue("redis", dns.REDIS)
    home = stack.directory("redis")
    address = net.VPC["redis"]
    process = stack.spawn("redis", [
        shutil.which("redis-server"), "--bind", address, "--port", PORT, "--tls-port", TLS_PORT,
        "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", stack.authority.ca,
        "--tls-auth-clients", "no", "--requirepass", PASSWORD, "--dir", home, "--save", "",
        "--appendonly", "no", "--daemonize", "no"])
    stack.later(lambda: procs.wait_port(stack.ns("redis"), address, PORT, process,
                                        stack.log("redis")))
    return {"address": f"{address}:{PORT}", "tls_address": f"{address}:{TLS_PORT}",
            "host": dns.REDIS, "password": PASSWORD}
