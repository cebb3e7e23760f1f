"""Proxies as they are configured out there; each function starts one and gives its port."""

from place import free_port


def servers(ports, words=""):
    return "\n".join(f"    server 127.0.0.1:{port} {words};" for port in ports)


def nginx(place, http, stream="", workers=1):
    """NGINX with this inside `http`; `PORT` and `STATUS` in it are free ports: (port, status page)."""
    port, status = free_port(), free_port()
    if http:
        http += f"\nserver {{ listen 127.0.0.1:{status}; location = /status {{ stub_status; }} }}"
    conf = f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes {workers};
daemon off;
pid {place.folder}/nginx.pid;
error_log {place.folder}/nginx-errors.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {place.folder}/t1; proxy_temp_path {place.folder}/t2; fastcgi_temp_path {place.folder}/t3;
  uwsgi_temp_path {place.folder}/t4; scgi_temp_path {place.folder}/t5;
  keepalive_requests 100000;
{http}
}}
{stream}
""".replace("PORT", str(port)).replace("FOLDER", str(place.folder))
    place.run(["nginx", "-c", place.write("nginx.conf", conf), "-p", place.folder, "-e", f"{place.folder}/early.log"], port)
    return port, f"http://127.0.0.1:{status}/status"


def nginx_of(place, ports, upstream="", location="", workers=1, each="max_fails=0", top=""):
    """The usual NGINX: one upstream block, one location."""
    http = f"""
{top}
upstream g {{
    {upstream}
{servers(ports, each) if isinstance(ports, list) else ports}
    keepalive 32;
}}
server {{
    listen 127.0.0.1:PORT;
    add_header X-Upstream $upstream_addr always;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    location / {{ {location} proxy_pass http://g; }}
}}"""
    return nginx(place, http, workers=workers)


def nginx_stream(place, ports):
    stream = f"stream {{ upstream g {{\n{servers(ports)}\n}}\nserver {{ listen 127.0.0.1:PORT; proxy_pass g; }} }}"
    return nginx(place, "", stream)[0]


def haproxy(place, ports, balance, backend="", each="", mode="http"):
    """HAProxy, and its own Prometheus page: (port, page)."""
    port, page = free_port(), free_port()
    lines = "\n".join(f"    server s{n} 127.0.0.1:{one} {each}" for n, one in enumerate(ports, 1))
    conf = f"""
global
    nbthread 2
defaults
    mode {mode}
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend metrics
    mode http
    bind 127.0.0.1:{page}
    http-request use-service prometheus-exporter
frontend f
    bind 127.0.0.1:{port}
    default_backend g
backend g
    balance {balance}
    {backend}
{lines}
"""
    place.run(["haproxy", "-f", place.write("haproxy.cfg", conf), "-db"], port)
    return port, f"http://127.0.0.1:{page}/metrics"


def haproxy_counts(page):
    """The words for HAProxy's own count of the load."""
    return ["--proxy-metrics", page, "--proxy-counter", 'haproxy_frontend_http_requests_total{proxy="f"}']


def caddy(place, ports, policy):
    port = free_port()
    upstreams = " ".join(f"127.0.0.1:{one}" for one in ports)
    conf = f"""{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port}, http://g:{port} {{
    bind 127.0.0.1
    reverse_proxy {upstreams} {{
        {policy}
    }}
}}
"""
    env = {"HOME": str(place.folder), "XDG_DATA_HOME": str(place.folder), "XDG_CONFIG_HOME": str(place.folder)}
    place.run(["caddy", "run", "--config", place.write("Caddyfile", conf), "--adapter", "caddyfile"], port, env)
    return port


def apache(place, ports, method="byrequests"):
    port = free_port()
    members = "\n".join(f"  BalancerMember http://127.0.0.1:{one}" for one in ports)
    modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "proxy_balancer", "slotmem_shm", f"lbmethod_{method}", "unixd"]
    loads = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules if name != "unixd")
    conf = f"""
ServerName localhost
PidFile {place.folder}/apache.pid
DefaultRuntimeDir {place.folder}
ErrorLog {place.folder}/apache.log
User www-data
Group www-data
{loads}
Listen 127.0.0.1:{port}
<Proxy balancer://g>
{members}
  ProxySet lbmethod={method}
</Proxy>
ProxyPreserveHost On
ProxyPass / balancer://g/
"""
    place.run(["apache2", "-f", place.write("apache.conf", conf), "-d", place.folder, "-DFOREGROUND"], port)
    return port
