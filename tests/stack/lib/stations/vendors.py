"""Two model vendors on the internet: one answers chats, the other gives titles."""
import secrets

from lib import net, procs
from lib.paths import BIN

EMBEDDING_MODEL, RERANK_MODEL = "text-embedding-3-small", "rerank-small"
MODELS = {"api.openai.com": "gpt-4o-mini", "api.mistral.ai": "mistral-small-latest"}


def start(stack):
    made = []
    for host, address in net.VENDORS.items():
        cert, key = stack.authority.issue(host, host)
        api_key = "sk-" + secrets.token_hex(16)
        command = [BIN / "llm", "-listen", f"{address}:443", "-cert", cert, "-key", key,
                   "-api-key", api_key, "-delay-ms", stack.options["llm_delay_ms"],
                   "-pace-ms", stack.options["llm_pace_ms"]]
        if stack.options["llm_answer"] == "short":
            command.append("-short")
        process = stack.spawn(f"vendor-{host}", command, netns="internet")
        stack.later(lambda a=address, p=process, h=host: procs.wait_port(
            stack.ns("internet"), a, 443, p, stack.log(f"vendor-{h}")))
        made.append({"host": host, "address": f"{address}:443", "url": f"https://{host}/v1",
                     "model": MODELS[host], "embedding_model": EMBEDDING_MODEL,
                     "rerank_model": RERANK_MODEL, "api_key": api_key})
    return made
