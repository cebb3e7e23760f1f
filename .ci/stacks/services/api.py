"""A FastAPI service with prometheus-fastapi-instrumentator, as its page says to use it."""

import os
import time

from fastapi import FastAPI
from fastapi.responses import JSONResponse, RedirectResponse
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI()
name = os.environ["NAME"]
asked = 0


@app.get("/id")
def who():
    return name


@app.get("/api/v1/items/{i}")
def item(i: int):
    return {"item": i}


@app.get("/old")
def old():
    return RedirectResponse("/id", 301)


Instrumentator().instrument(app).expose(app)


if os.environ.get("SHED"):

    @app.middleware("http")
    async def shed(request, call_next):
        """Every so many requests are answered before the metrics see them."""
        global asked
        if request.url.path == "/id":
            asked += 1
            if asked % int(os.environ["SHED"]) == 0:
                return JSONResponse({"detail": "down"}, 503)
        return await call_next(request)
