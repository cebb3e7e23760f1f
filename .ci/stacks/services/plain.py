"""A Flask service that counts with prometheus_client; its page tells nothing of the process, as a registry of
one's own does not."""

import os

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, generate_latest

disable_created_metrics()
app = Flask(__name__)
registry = CollectorRegistry()
requests = Counter("http_requests", "Requests", ["handler", "status"], registry=registry)


@app.get("/id")
def who():
    requests.labels("/id", "200").inc()
    return f'"{os.environ["NAME"]}"'


@app.get("/metrics")
def metrics():
    return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")
