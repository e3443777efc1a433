# One thread with an event loop (aiohttp on asyncio). Each request asks another HTTP server and Redis, over connections from pools.
# Arguments: its port, the HTTP server's port, Redis' port, milliseconds it rests at most before each call (0: not at all).
import asyncio
import random
import sys

import aiohttp
from aiohttp import web
from redis.asyncio import Redis

port, http_port, redis_port, rest_ms = (int(text) for text in sys.argv[1:5])


async def rest():
    if rest_ms > 0:
        await asyncio.sleep(random.random() * rest_ms / 1000)


async def answer(request):
    mark = request.match_info["mark"]
    await rest()
    async with request.app["http"].get(f"http://127.0.0.1:{http_port}/item/{mark}") as response:
        await response.read()
    await rest()
    await request.app["redis"].get(f"cart:{mark}")
    await rest()
    return web.Response(text="ok\n")


async def make():
    app = web.Application()
    app["http"] = aiohttp.ClientSession()
    app["redis"] = Redis(host="127.0.0.1", port=redis_port)
    app.router.add_get("/work/{mark}", answer)
    return app


web.run_app(make(), host="127.0.0.1", port=port, print=None, access_log=None, backlog=256)
