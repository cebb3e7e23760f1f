"""Stacks with one thing wrong. Each function does it; with it stands what has to be said of it, and what not."""

import os
import signal
from dataclasses import dataclass

import proxies as p
from healthy import words
from place import ask, free_port, send, signal_group

ZONE = "zone g 64k;"


@dataclass
class Sick:
    """`told`: each a code, with words that stand in its message or hint; `never`: codes of false causes."""
    up: object
    told: list
    never: tuple = ()
    codes: tuple = (99,)


def behind_nginx(place, ports, *more, path="/?example=test", **how):
    port, status = p.nginx_of(place, ports, **{"upstream": ZONE, **how})
    return words(port, ports, "--proxy-metrics", status, *more, path=path)


def failing(place):
    ports = [place.app("r1")[0], place.app("r2", "--fail-ratio", "0.05")[0]]
    return behind_nginx(place, ports)


def slow(place):
    ports = [place.app("r1", "--service-time", "fixed:2ms")[0], place.app("r2", "--service-time", "fixed:30ms")[0]]
    return behind_nginx(place, ports, "--rps", "200")


def killed(place):
    (one, _), (two, process) = place.app("r1"), place.app("r2")
    place.after(4, lambda: signal_group(process, signal.SIGKILL))
    return behind_nginx(place, [one, two])


def restarted(place):
    (one, _), (two, process) = place.app("r1"), place.app("r2")

    def again():
        signal_group(process, signal.SIGKILL)
        process.wait()
        place.app("r2", port=two)
    place.after(4, again)
    return behind_nginx(place, [one, two])


def down(place):
    ports = place.apps()
    both = f"server 127.0.0.1:{ports[0]};\nserver 127.0.0.1:{ports[1]} down;"
    port, status = p.nginx_of(place, both, ZONE)
    return words(port, ports, "--proxy-metrics", status)


def down_unnamed(place):
    """The path names no replica: the counts are the pages'."""
    ports = [place.uvicorn(name) for name in ("a", "b")]
    both = f"server 127.0.0.1:{ports[0]};\nserver 127.0.0.1:{ports[1]} down;"
    port, status = p.nginx_of(place, both, ZONE)
    return words(port, ports, "--proxy-metrics", status, path="/id")


def weight_zero(place):
    ports = place.apps()
    port, page = p.haproxy(place, ports, "roundrobin")
    conf = (place.folder / "haproxy.cfg").read_text().replace("s2 127.0.0.1", "s2x 127.0.0.1")
    first, second = conf.rsplit("s2x", 1)
    moved = free_port()
    conf = (first + "s2" + second.rstrip() + " weight 0\n").replace(f":{port}\n", f":{moved}\n")
    conf = conf.replace(page.split(":")[2].split("/")[0], str(free_port()))
    place.run(["haproxy", "-f", place.write("zero.cfg", conf), "-db"], moved)
    return words(moved, ports)


def masked(place):
    ports = [place.app("r1")[0], place.app("r2", "--fail-ratio", "1")[0]]
    return behind_nginx(place, ports, location="proxy_next_upstream error timeout http_500;")


def foreign(place):
    ports = place.apps()
    run = behind_nginx(place, ports)
    port = int(run[1].rsplit(":", 1)[1])
    place.after(3, lambda: send(port, "/?example=test", 0.05, 1.5))
    return run


def cache(place):
    ports = place.apps()
    top = "proxy_cache_path FOLDER/cache keys_zone=c:1m;"
    run = behind_nginx(place, ports, top=top, location="proxy_cache c; proxy_cache_valid 200 1s; proxy_cache_key $uri;")
    return run


def mirror(place):
    ports = place.apps()
    http_more = f"mirror /mirror;"
    conf = f"""
upstream g {{ {ZONE}
{p.servers(ports, 'max_fails=0')}
    keepalive 32; }}
server {{
    listen 127.0.0.1:PORT;
    add_header X-Upstream $upstream_addr always;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    location / {{ {http_more} proxy_pass http://g; }}
    location = /mirror {{ internal; proxy_pass http://g/?mirrored=1; }}
}}"""
    port, _ = p.nginx(place, conf)
    return words(port, ports, "--policy", "none")


def several(service, worker):
    def up(place):
        ports = [place.gunicorn(name, 3, service, worker, shared=False) for name in ("a", "b")]
        return behind_nginx(place, ports, path="/id")
    return up


def frozen_generator(place):
    """Stopped three times, in the measured part."""
    ports = place.apps()
    for at in (3.0, 3.6, 4.2):
        place.after(at, lambda: signal_group(place.load, signal.SIGSTOP))
        place.after(at + 0.2, lambda: signal_group(place.load, signal.SIGCONT))
    return behind_nginx(place, ports)


def quota(place):
    """A twenty-fifth of a core, where control groups of either kind can be made here."""
    ports = place.apps()
    place.quota = 0.04
    # More than that share of a core, also where it is built to be fast.
    return behind_nginx(place, ports, "--rps", "1000")


def frozen_service(place):
    (one, _), (two, process) = place.app("r1"), place.app("r2")
    for at in (3.0, 3.8):
        place.after(at, lambda: signal_group(process, signal.SIGSTOP))
        place.after(at + 0.4, lambda: signal_group(process, signal.SIGCONT))
    return behind_nginx(place, [one, two])


def redirecting(place):
    ports = [place.uvicorn(name) for name in ("a", "b")]
    return behind_nginx(place, ports, path="/old")


def sticky(place):
    return behind_nginx(place, place.apps(), upstream=f"{ZONE} ip_hash;", each="")


def drawn(place):
    return behind_nginx(place, place.apps(), "--rps", "300", "--duration", "4s", upstream=f"{ZONE} random;")


def weights(place):
    ports = place.apps()
    both = f"server 127.0.0.1:{ports[0]} weight=3;\nserver 127.0.0.1:{ports[1]};"
    port, status = p.nginx_of(place, both, ZONE)
    return words(port, ports, "--proxy-metrics", status)


def refusing(place):
    """The proxy refuses half, and what it lets through is nine to one."""
    ports = place.apps()
    both = f"server 127.0.0.1:{ports[0]} weight=9 max_fails=0;\nserver 127.0.0.1:{ports[1]} max_fails=0;"
    top = "limit_req_zone $binary_remote_addr zone=z:1m rate=50r/s;"
    port, status = p.nginx_of(place, both, ZONE, "limit_req zone=z burst=5 nodelay; limit_req_status 429;", top=top)
    return words(port, ports, "--proxy-metrics", status)


def closing(place):
    """The proxy closes some connections without an answer, in the warm-up as well."""
    return behind_nginx(place, place.apps(), location="if ($request_id ~ ^[01]) { return 444; }")


def shed(marked):
    def up(place):
        ports = [place.uvicorn(name, SHED="10") for name in ("a", "b")]
        port, status = p.nginx_of(place, ports, ZONE)
        if not marked:
            conf = (place.folder / "nginx.conf").read_text().replace("add_header X-Upstream $upstream_addr always;", "")
            other, page = free_port(), free_port()
            conf = conf.replace(f":{port};", f":{other};").replace(status.split(":")[2].split("/")[0], str(page))
            conf = conf.replace("nginx.pid", "other.pid")
            place.run(["nginx", "-c", place.write("other.conf", conf), "-p", place.folder], other)
            port, status = other, f"http://127.0.0.1:{page}/status"
        return words(port, ports, "--proxy-metrics", status, path="/id")
    return up


def pinned(place):
    ports = place.apps("--service-time", "fixed:30ms", count=3)
    return words(p.nginx_stream(place, ports), ports, "--rps", "200", "--arrivals", "poisson")


def unreachable(place):
    """The proxy's servers do not listen."""
    ports = place.apps()
    dead = [free_port(), free_port()]
    port, status = p.nginx_of(place, dead, ZONE)
    return words(port, ports, "--proxy-metrics", status)


def stray(place):
    """A few requests past the proxy, during the load and at another pace after it: no health checks."""
    ports = place.apps()
    run = behind_nginx(place, ports)
    place.after(3.2, lambda: [ask(ports[0]) for _ in range(7)])
    place.after(8.0, lambda: ask(ports[0]))
    return run


STACKS = {
    "errors of one replica": Sick(failing, [("errors", ""), ("failing-replica", "r2")], ("count-mismatch", "slow-replica")),
    "slow replica": Sick(slow, [("slow-replica", "r2")], ("generator-lag", "errors"), (0,)),
    "replica killed": Sick(killed, [("vanished-replica", "")], ("count-mismatch", "policy-mismatch", "uneven-balance")),
    "counters reset": Sick(restarted, [("counter-reset", "r2")], ("count-mismatch", "several-processes"), (0, 99)),
    "replica down in nginx": Sick(down, [("starved-replica", "r2")], ("count-mismatch", "uneven-balance")),
    "replica down, API without a root": Sick(down_unnamed, [("starved-replica", "")], ("count-mismatch", "too-few-requests", "unknown-group")),
    "weight 0 in haproxy": Sick(weight_zero, [("starved-replica", "r2")], ("count-mismatch", "uneven-balance")),
    "retries mask failures": Sick(masked, [("retried-requests", ""), ("masked-errors", "")], ("count-mismatch", "errors", "uneven-balance", "policy-mismatch"), (0,)),
    "foreign traffic": Sick(foreign, [("foreign-traffic", "")], ("count-mismatch", "health-checks"), (0,)),
    "cache": Sick(cache, [("cached-answers", "cache")], ("count-mismatch", "ejected-replica", "uneven-balance"), (0, 99)),
    "mirror": Sick(mirror, [("count-mismatch", "exactly twice")], ("foreign-traffic", "several-processes")),
    "gunicorn, no multiprocess": Sick(several("api:app", "uvicorn_worker"), [("several-processes", "multiprocess")], ("counter-reset", "count-mismatch")),
    "gunicorn, page without start": Sick(several("plain:app", "sync"), [("several-processes", "multiprocess")], ("counter-reset", "count-mismatch")),
    "generator stopped": Sick(frozen_generator, [("generator-lag", "")], ("errors", "count-mismatch"), (4,)),
    "generator under a quota": Sick(quota, [("generator-lag", "quota")], ("count-mismatch",), (4,)),
    "service frozen": Sick(frozen_service, [], ("generator-lag", "machine-stalls", "count-mismatch"), (0, 99)),
    "redirects only": Sick(redirecting, [("redirected", "")], ("count-mismatch",)),
    "ip_hash for round-robin": Sick(sticky, [("policy-mismatch", "sticky")], ("count-mismatch",)),
    "random for round-robin": Sick(drawn, [("policy-mismatch", "random")], ("count-mismatch",)),
    "weights for round-robin": Sick(weights, [("policy-mismatch", "round-robin:3,1")], ("count-mismatch",)),
    "half refused, nine to one": Sick(refusing, [("uneven-balance", ""), ("errors", "")], ("policy-mismatch", "too-few-requests")),
    "connections closed": Sick(closing, [("errors", "")], ("count-mismatch",)),
    "errors that are not counted": Sick(shed(marked=True), [("count-mismatch", "outer middleware"), ("errors", "")], ()),
    "the same, without a mark": Sick(shed(marked=False), [("count-mismatch", "or not counted by the replicas"), ("errors", "")], ()),
    "layer 4 for round-robin": Sick(pinned, [("pinned-connections", "layer 4")], ("policy-mismatch", "count-mismatch")),
    "servers do not listen": Sick(unreachable, [("no-answers", "")], ("count-mismatch", "slow-replica"), (99, 3)),
    "stray requests past the proxy": Sick(stray, [("count-mismatch", "r1")], ("health-checks",)),
}
