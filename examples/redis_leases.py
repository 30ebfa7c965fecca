"""Any Redis client: of many callers that miss a key at once, one loads it. Needs redis-py, and nothing of Pannier's.

    python examples/redis_leases.py

PN.FETCH answers [status, value, lease, milliseconds left, content type]. A miss with a lease means: you load. The
others wait for the fill, each on a connection of its own.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import redis

CALLERS = 20
WAIT_MS = 2_000
LIFE_MS = 60_000


def get_or_load(client: redis.Redis, key: str, load: Callable[[], bytes]) -> bytes:
    """The cached value; else what `load` returns, which is stored under the lease."""
    _, value, lease, _, _ = client.execute_command("PN.FETCH", key, "WAIT", WAIT_MS)
    if value is not None:
        return bytes(value)
    if lease is None:
        return load()  # the wait was over; what was loaded without a lease must not be stored
    try:
        value = load()
    except BaseException:
        client.execute_command("PN.RELEASE", key, lease)
        raise
    # Refused if the key was invalidated meanwhile. The value is right for this caller all the same.
    client.execute_command("PN.STORE", key, value, "PX", LIFE_MS, "LEASE", lease)
    return value


def report() -> bytes:
    """Something that takes a while."""
    print("loading")
    time.sleep(0.2)
    return b"all is well"


def connect() -> redis.Redis:
    url = os.environ.get("PANNIER_URL", "tcp://127.0.0.1:7481")
    return redis.Redis.from_url(url.replace("tcp://", "redis://"))


def main() -> None:
    client = connect()
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = set(callers.map(lambda _: get_or_load(client, "report", report), range(CALLERS)))
    print(f"{CALLERS} callers, one answer: {answers.pop().decode()}")
    client.close()


if __name__ == "__main__":
    main()
