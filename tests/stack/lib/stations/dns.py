"""dnsmasq: the names of the VPC and of the internet, at the VPC's .2 as on AWS."""
import shutil

from lib import net, procs

HOSTS = {
    "dify.example.com": net.ALB_PUBLIC,
    "master.dify-cache.k3x9ab.apne1.cache.amazonaws.com": net.VPC["redis"],
    "dify.cluster-c9x2kq7lmzpt.ap-northeast-1.rds.amazonaws.com": net.VPC["postgres"],
    "s3.ap-northeast-1.amazonaws.com": net.VPC["s3"],
    "api.dify.svc.cluster.local": net.PODS["api"],
    "plugin-daemon.dify.svc.cluster.local": net.PODS["plugind"],
    "pgvector.dify.svc.cluster.local": net.VPC["pgvector"],
    **net.VENDORS,
}
PUBLIC, REDIS, POSTGRES, S3, API, DAEMON, PGVECTOR = list(HOSTS)[:7]


def start(stack):
    command = [shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "--keep-in-foreground",
               "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-daemon", "--user=root",
               "--group=root", "--port=53", "--bind-interfaces", "--pid-file=",
               f"--listen-address={net.VPC['dns']}", "--local=/#/"]
    # With the S3 buckets' own host names: address= answers for a name and all below it.
    command += [f"--address=/{name}/{address}" for name, address in HOSTS.items()]
    process = stack.spawn("dns", command)
    # --no-daemon answers from the first moment, but on UDP: its TCP port tells that it is there.
    stack.later(lambda: procs.wait_port(stack.ns("dns"), net.VPC["dns"], 53, process,
                                        stack.log("dns")))
