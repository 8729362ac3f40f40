"""nginx as the load balancer: TLS ends here, plaintext goes to the API."""
import shutil

from lib import net, procs
from lib.stations import dns

CONFIG = """
load_module {module};
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log {home}/access.log;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  client_max_body_size 50m;
  client_body_buffer_size 8m;
  # An ALB keeps the Root that a client sends and adds its own Self; else it makes a Root.
  perl_set $amzn_trace 'sub {{
    my $r = shift;
    my $id = sprintf("1-%08x-%s", time, substr($r->variable("request_id"), 0, 24));
    my $given = $r->header_in("X-Amzn-Trace-Id") || "";
    return $given =~ /(Root=1-[0-9a-f]{{8}}-[0-9a-f]{{24}})/ ? "Self=$id;$1" : "Root=$id";
  }}';
  upstream api {{
    server {api}:5001;
    keepalive 64;
    # Shorter than gunicorn's 2 s, so that no request is sent on a connection it closes.
    keepalive_timeout 1s;
  }}
  server {{
    listen {public}:443 ssl;
    server_name {host};
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Port 443;
      proxy_set_header X-Amzn-Trace-Id $amzn_trace;
      proxy_buffering off;
      proxy_read_timeout 300s;
      # Not an ALB's: this tells tests, on the client's side alone, which id was made.
      add_header X-Amzn-Trace-Id $amzn_trace always;
    }}
  }}
}}
"""
MODULE = "/usr/lib/nginx/modules/ngx_http_perl_module.so"


def start(stack):
    cert, key = stack.authority.issue("alb", dns.PUBLIC)
    home = stack.directory("alb")
    config = home / "nginx.conf"
    config.write_text(CONFIG.format(module=MODULE, home=home, api=net.PODS["api"],
                                    public=net.ALB_PUBLIC, host=dns.PUBLIC, cert=cert, key=key))
    process = stack.spawn("alb", [shutil.which("nginx") or "/usr/sbin/nginx", "-p", home,
                                  "-c", config, "-g", "user root;"])
    stack.later(lambda: procs.wait_port(stack.ns("alb"), net.ALB_PUBLIC, 443, process,
                                        stack.log("alb")))
    return {"address": f"{net.ALB_PUBLIC}:443", "private_address": net.VPC["alb"],
            "host": dns.PUBLIC}
