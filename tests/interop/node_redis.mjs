// node-redis against the lane: node node_redis.mjs HOST:PORT RESP. Throws on the first answer that is not as expected.
import assert from "node:assert/strict";
import { createClient } from "redis";

const RESP = Number(process.argv[3]);
const url = `redis://${process.argv[2]}`;
const client = await createClient({ url, RESP, name: "worker" }).connect();
assert.equal(await client.ping(), "PONG");
assert.equal(await client.set("k", "v", { expiration: { type: "EX", value: 100 } }), "OK");
assert.equal(await client.get("k"), "v");
assert.equal(await client.ttl("k"), 100);
assert.equal(await client.set("k", "w", { condition: "NX" }), null);
assert.deepEqual(await client.mGet(["k", "absent"]), ["v", null]);
assert.equal(await client.incrBy("n", 42), 42);
assert.deepEqual(await client.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
const values = await Promise.all(
  Array.from({ length: 1000 }, async (_, n) => {
    await client.set(`k${n}`, String(n));
    return client.get(`k${n}`);
  }),
);
assert.deepEqual(values, Array.from({ length: 1000 }, (_, n) => String(n)));
const found = [];
for await (const page of client.scanIterator({ MATCH: "k*", COUNT: 100 })) found.push(...page);
assert.equal(new Set(found).size, 1001);
await assert.rejects(client.lPush("list", "x"), /unknown command/);
const [status, value] = await client.sendCommand(["PN.FETCH", "k", "NOLEASE"]);
assert.deepEqual([status, value], ["hit", "v"]);
assert.equal(await client.clientGetName(), "worker");
assert.equal((await client.configGet("maxmemory")).maxmemory, "268435456");
assert.equal(await client.del(["k", "absent"]), 1);

if (RESP === 3) {
  const { BasicClientSideCache } = await import("redis");
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 100 });
  const cached = await createClient({ url, RESP, clientSideCache: cache }).connect();
  await client.set("shared", "old");
  assert.equal(await cached.get("shared"), "old");
  assert.equal(await cached.get("shared"), "old");
  assert.equal(cache.stats().hitCount, 1);
  const told = new Promise((resolve) => cache.on("invalidate", resolve));
  await client.set("shared", "new");
  await told;
  assert.equal(await cached.get("shared"), "new");
  await cached.close();
}
await client.close();
console.log("node-redis: all answers as expected");
