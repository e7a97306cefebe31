"""Clients of Redis, HTTP and SMTP, as people use them in Python, which a script is played to."""

# Python would import these when they are first needed, but a component has of Python's library
# what was imported while it was built.
import email.utils  # noqa: F401
import encodings.idna  # noqa: F401
import http.client
import secrets  # noqa: F401
import smtplib
import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wit_world import exports


def show(what, function):
    """Prints what a call gives: its value, or the class of its error."""
    try:
        print(f"{what}: {function()!r}")
    except (OSError, redis.RedisError, smtplib.SMTPException, http.client.HTTPException) as e:
        print(f"{what}: {type(e).__name__}")


def cache():
    once = Retry(NoBackoff(), 0)
    client = redis.Redis(host="cache.test", protocol=2, decode_responses=True, retry=once)
    return client.get("greeting")


def page():
    connection = http.client.HTTPConnection("web.test", 80)
    connection.request("GET", "/page")
    return connection.getresponse().read()


def mail():
    with smtplib.SMTP("mail.test", 25, local_hostname="here.test") as server:
        return server.sendmail("a@here.test", ["b@mail.test"], "Subject: hi\r\n\r\nhello\r\n")


def nap():
    before = time.monotonic()
    time.sleep(30)
    return round(time.monotonic() - before)


class Run(exports.Run):
    """What `wasi:cli/command` exports."""

    def run(self):
        show("cache", cache)
        show("page", page)
        show("page, cut off", page)
        show("mail", mail)
        show("nap", nap)
        sys.stdout.flush()
