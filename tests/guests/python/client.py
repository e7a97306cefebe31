"""A client of Redis, and one of HTTP: `REDIS_HOST REDIS_PORT HTTP_HOST HTTP_PORT`."""

# Python would import these two when they are first needed, but a component has of Python's library
# what was imported while it was built.
import encodings.idna  # noqa: F401
import http.client
import secrets  # noqa: F401
import sys

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wit_world import exports
from wit_world.imports import environment


def show(what, function):
    """Prints what a call gives: its value, or the class of the error that is behind its error."""
    try:
        print(f"{what}: {function()!r}")
    except (OSError, redis.RedisError) as e:
        while e.__context__:
            e = e.__context__
        print(f"{what}: {type(e).__name__}")


def talk(host, port):
    once = Retry(NoBackoff(), 0)
    client = redis.Redis(host=host, port=int(port), decode_responses=True, retry=once)
    client.set("greeting", "hello from Python")
    with client.pipeline() as pipeline:
        pipeline.get("greeting").incrby("counter", 41).incr("counter")
        return pipeline.execute()


def get(host, port):
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("GET", "/page")
    return connection.getresponse().read()


class Run(exports.Run):
    """What `wasi:cli/command` exports."""

    def run(self):
        redis_host, redis_port, http_host, http_port = environment.get_arguments()[1:]
        show("redis", lambda: talk(redis_host, redis_port))
        show("http", lambda: get(http_host, http_port))
        sys.stdout.flush()
