"""A forked child never uses its parent's sockets: each of the two gets its own replies, in the middle of traffic."""

from __future__ import annotations

import subprocess
import sys

import pytest

SYNC = """
import os, sys, threading
import pannier
url, near = sys.argv[1], sys.argv[2] == "near"
client = pannier.Client(url, namespace="fork", near_cache=near)
cache = client.cache()
cache.set_many({f"key:{n}": n for n in range(50)}, ttl=60)
reads = lambda: [cache.get(f"key:{n}") for n in range(50)]
assert reads() == reads() == list(range(50))
stop = threading.Event()
wrong = []
def read():
    while not stop.is_set():
        if reads() != list(range(50)): wrong.append(1)
thread = threading.Thread(target=read); thread.start()
children = []
for _ in range(5):
    pid = os.fork()
    if not pid:
        ok = all(reads() == list(range(50)) for _ in range(20))
        cache.set("key:7", 7)
        os._exit(0 if ok and cache.get("key:7") == 7 else 1)
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
stop.set(); thread.join()
assert codes == [0] * 5 and not wrong, (codes, wrong)
assert reads() == list(range(50))
client.close()
"""

ASYNC = """
import asyncio, os, sys
import pannier.aio
url, near = sys.argv[1], sys.argv[2] == "near"
client = pannier.aio.Client(url, namespace="fork", near_cache=near)
cache = client.cache()
async def reads():
    return await asyncio.gather(*(cache.get(f"key:{n}") for n in range(50)))
async def main():
    await cache.set_many({f"key:{n}": n for n in range(50)}, ttl=60)
    assert await reads() == list(range(50))
    pending = asyncio.ensure_future(reads())
    await asyncio.sleep(0)
    return pending
loop = asyncio.new_event_loop()
pending = loop.run_until_complete(main())
pid = os.fork()
if not pid:
    async def child():
        for _ in range(20):
            assert await reads() == list(range(50))
        await client.close()
    asyncio.run(child())
    os._exit(0)
assert loop.run_until_complete(pending) == list(range(50))
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert loop.run_until_complete(reads()) == list(range(50))
loop.run_until_complete(client.close())
loop.close()
"""


@pytest.mark.parametrize("script", [SYNC, ASYNC], ids=["threads", "tasks"])
@pytest.mark.parametrize("distance", ["far", "near"])
def test_a_fork_in_the_middle_of_traffic_never_mixes_replies(sidecar_url: str, script: str, distance: str) -> None:
    command = [sys.executable, "-W", "error", "-c", script, sidecar_url, distance]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
