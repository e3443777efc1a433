# asyncio as a web framework uses it (aiohttp): a task for each connection, in it one for each request. Argument: its port.
import sys

from aiohttp import web

body = b"x" * 1024


async def answer(_):
    return web.Response(body=body)


app = web.Application()
app.router.add_get("/{path:.*}", answer)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
