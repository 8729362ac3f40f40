"""The stack's network: all of it in namespaces of its own, none of it in the host's.

    pods 10.0.10.0/24 ──┐                             ┌── 198.51.100.20  client
                      router (nft masquerade) ── internet (198.51.100.1, vendors 203.0.113.x)
    vpc  10.0.20.0/24 ──┘                             └── 198.51.100.80  alb, public side
"""
import subprocess

from lib.paths import StackError

PODS = {"api": "10.0.10.11", "worker": "10.0.10.12", "plugind": "10.0.10.13"}
VPC = {"dns": "10.0.20.2", "alb": "10.0.20.5", "redis": "10.0.20.6", "postgres": "10.0.20.7",
       "s3": "10.0.20.8", "pgvector": "10.0.20.9"}
PODS_GATEWAY, VPC_GATEWAY = "10.0.10.1", "10.0.20.1"
NAT_PUBLIC, INTERNET_GATEWAY = "198.51.100.7", "198.51.100.1"
ALB_PUBLIC, CLIENT = "198.51.100.80", "198.51.100.20"
VENDORS = {"api.openai.com": "203.0.113.10", "api.mistral.ai": "203.0.113.77"}
# The hubs first: their batches make the ends that the others' then configure, and "wan", the
# router's outer end, is made by the internet's.
ALL = ["internet", "router", "client", *VPC, *PODS]

NFT = """
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade
  }
}
"""


def namespace(stack_id: str, name: str) -> str:
    return f"dfs-{stack_id}-{name}"


def _run(*command: str, given: str | None = None):
    done = subprocess.run(command, input=given, capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"{' '.join(command[:4])}: {done.stderr.strip()}")


class Plan:
    """`ip -batch` lines, one list a namespace: hundreds of single `ip` calls take seconds."""

    def __init__(self, stack_id: str):
        self.id = stack_id
        self.lines: dict[str, list[str]] = {name: ["link set lo up"] for name in ALL}

    def bridge(self, name: str, device: str, address: str):
        self.lines[name] += [f"link add {device} type bridge", f"link set {device} up",
                             f"addr add {address}/24 dev {device}"]

    def attach(self, name: str, hub: str, bridge: str, address: str, device: str = "eth0",
               gateway: str | None = None):
        """A veth from the namespace to a bridge of the hub."""
        port = f"p-{name}-{device}"[:15]
        self.lines[hub] += [
            f"link add {port} type veth peer name {device} netns {namespace(self.id, name)}",
            f"link set {port} master {bridge} up"]
        self.lines[name] += [f"addr add {address}/24 dev {device}", f"link set {device} up"]
        if gateway:
            self.lines[name].append(f"route add default via {gateway}")


def make(stack_id: str):
    _run("ip", "-batch", "-", given="".join(
        f"netns add {namespace(stack_id, name)}\n" for name in ALL))
    plan = Plan(stack_id)
    plan.bridge("router", "br-pods", PODS_GATEWAY)
    plan.bridge("router", "br-vpc", VPC_GATEWAY)
    plan.bridge("internet", "br-inet", INTERNET_GATEWAY)
    for address in VENDORS.values():
        plan.lines["internet"].append(f"addr add {address}/32 dev lo")
    plan.attach("router", "internet", "br-inet", NAT_PUBLIC, "wan", INTERNET_GATEWAY)
    plan.attach("client", "internet", "br-inet", CLIENT, gateway=INTERNET_GATEWAY)
    plan.attach("alb", "internet", "br-inet", ALB_PUBLIC, "public")
    for name, address in VPC.items():
        plan.attach(name, "router", "br-vpc", address, gateway=VPC_GATEWAY)
    for name, address in PODS.items():
        plan.attach(name, "router", "br-pods", address, gateway=PODS_GATEWAY)
    for name in ALL:
        _run("ip", "-n", namespace(stack_id, name), "-batch", "-",
             given="\n".join(plan.lines[name]) + "\n")
    router = namespace(stack_id, "router")
    _run("ip", "netns", "exec", router, "sh", "-c",
         "echo 1 > /proc/sys/net/ipv4/ip_forward")
    _run("ip", "netns", "exec", router, "nft", "-f", "-", given=NFT)


def destroy(stack_id: str):
    """Deleting a namespace deletes its devices, routes and nft rules."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        name = line.split()[0]
        if name.startswith(f"dfs-{stack_id}-"):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
