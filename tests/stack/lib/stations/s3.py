"""moto's S3 server over HTTPS."""
from lib import net, procs
from lib.paths import VENV
from lib.stations import dns

PORT, ACCESS_KEY, SECRET_KEY, BUCKET = 443, "AKIASTACKSTACKSTACK0", "stack-secret", "dify-files"


def start(stack):
    cert, key = stack.authority.issue("s3", dns.S3, f"*.{dns.S3}")
    process = stack.spawn("s3", [
        VENV / "bin" / "moto_server", "-H", net.VPC["s3"], "-p", PORT, "-c", cert, "-k", key],
        env={"PATH": "/usr/bin:/bin", "AWS_ACCESS_KEY_ID": ACCESS_KEY,
             "AWS_SECRET_ACCESS_KEY": SECRET_KEY})
    stack.later(lambda: procs.wait_port(stack.ns("s3"), net.VPC["s3"], PORT, process,
                                        stack.log("s3")))
    return {"address": f"{net.VPC['s3']}:{PORT}", "host": dns.S3, "bucket": BUCKET}
