"""Stacks with nothing wrong. Each function brings one up and gives the words of a run that has to be silent."""

import proxies as p


def words(port, ports, *more, path="/?example=test", prefix=""):
    pages = [word for one in ports for word in ("--replica", f"g=http://127.0.0.1:{one}/metrics")]
    return ["--target", f"http://127.0.0.1:{port}", "--host", "g", "--path", path, *pages, *more]


def through_nginx(place, *more, count=2, **how):
    ports = place.apps(count=count)
    port, status = p.nginx_of(place, ports, **how)
    return words(port, ports, "--proxy-metrics", status, *more)


def through_haproxy(place, balance, *more):
    ports = place.apps()
    port, page = p.haproxy(place, ports, balance)
    return words(port, ports, *p.haproxy_counts(page), *more)


def through_caddy(place, policy, *more):
    ports = place.apps()
    return words(p.caddy(place, ports, f"lb_policy {policy}"), ports, *more)


def fastapi(place):
    ports = [place.uvicorn(name) for name in ("a", "b")]
    port, status = p.nginx_of(place, ports, "zone g 64k;")
    return words(port, ports, "--proxy-metrics", status, path="/id")


def fastapi_item(place):
    """No route at `/`, and a templated handler that is another than the path."""
    ports = [place.uvicorn(name) for name in ("a", "b")]
    port, status = p.nginx_of(place, ports, "zone g 64k;")
    return words(port, ports, "--proxy-metrics", status, path="/api/v1/items/5")


def gunicorn(place):
    ports = [place.gunicorn(name, 3) for name in ("a", "b")]
    port, status = p.nginx_of(place, ports, "zone g 64k;")
    return words(port, ports, "--proxy-metrics", status, path="/id")


def own_reads(place):
    """The selected counter holds the reads of its own page."""
    ports = [place.uvicorn(name) for name in ("a", "b")]
    port, status = p.nginx_of(place, ports, "zone g 64k;")
    return words(port, ports, "--proxy-metrics", status, "--counter", "http_requests_total", path="/id")


def layer4(place):
    ports = place.apps()
    return words(p.nginx_stream(place, ports), ports, "--policy", "none")


def apache(place):
    ports = place.apps()
    return words(p.apache(place, ports), ports, "--policy", "none")


def checked(inter):
    def up(place):
        """HAProxy asks the loaded path itself; at `inter`, which is told as information."""
        ports = place.apps()
        port, page = p.haproxy(place, ports, "roundrobin", "option httpchk GET /", f"check inter {inter}")
        return words(port, ports, *p.haproxy_counts(page))
    return up


STACKS = {
    "embedded": lambda place: ["--stack", "embedded", "--host", "app-group-1"],
    "nginx 1 worker": lambda place: through_nginx(place),
    "nginx 1 worker, zone": lambda place: through_nginx(place, upstream="zone g 64k;"),
    "nginx 4 workers, zone": lambda place: through_nginx(place, upstream="zone g 64k;", workers=4),
    "nginx 4 workers, said": lambda place: through_nginx(place, "--proxy-workers", "4", workers=4),
    "nginx 4 workers, not said": lambda place: through_nginx(place, workers=4),
    "nginx 3 replicas": lambda place: through_nginx(place, upstream="zone g 64k;", count=3),
    "nginx weights": lambda place: weighted(place),
    "nginx least_conn": lambda place: through_nginx(place, "--policy", "least-conn", upstream="zone g 64k; least_conn;"),
    "nginx random": lambda place: through_nginx(place, "--policy", "random", upstream="zone g 64k; random;"),
    "nginx random two": lambda place: through_nginx(place, "--policy", "none", upstream="zone g 64k; random two least_conn;"),
    "nginx layer 4": layer4,
    "haproxy roundrobin": lambda place: through_haproxy(place, "roundrobin"),
    "haproxy leastconn": lambda place: through_haproxy(place, "leastconn", "--policy", "least-conn"),
    "haproxy random": lambda place: through_haproxy(place, "random(1)", "--policy", "random"),
    "haproxy checks, 200 ms": checked("200ms"),
    "haproxy checks, 2 s": checked("2s"),
    "caddy round_robin": lambda place: through_caddy(place, "round_robin"),
    "caddy random": lambda place: through_caddy(place, "random", "--policy", "random"),
    "apache byrequests": apache,
    "fastapi": fastapi,
    "fastapi, templated path": fastapi_item,
    "fastapi, own reads counted": own_reads,
    "gunicorn, multiprocess": gunicorn,
}


def weighted(place):
    ports = place.apps()
    both = f"server 127.0.0.1:{ports[0]} weight=3 max_fails=0;\nserver 127.0.0.1:{ports[1]} max_fails=0;"
    port, status = p.nginx_of(place, both, "zone g 64k;")
    return words(port, ports, "--proxy-metrics", status, "--policy", "round-robin:3,1")


# What is said above information in a stack that is well, and is true: workers of NGINX without a shared
# rotation look like draws in a short run, and both are named.
TRUE = {"nginx 4 workers, not said": {"uneven-balance"}}
