// node-redis against the lane: node node_redis.mjs '{"path": ...} or {"host": ..., "port": ..., "password": ...}' RESP
// Throws on the first answer that is not as expected, and prints in JSON what it has come through.
import assert from "node:assert/strict";
import { BasicClientSideCache, createClient, RESP_TYPES } from "redis";

const { password, ...socket } = JSON.parse(process.argv[2]);
const door = { socket, password, RESP: Number(process.argv[3]) };
const client = await createClient({ ...door, name: "worker" }).connect();
const spoken = Number((await client.sendCommand(["CLIENT", "INFO"])).toString().match(/ resp=(\d)/)[1]);
assert.equal(await client.clientGetName(), "worker");
assert.equal((await client.configGet("maxmemory")).maxmemory, "268435456");
assert.equal(await client.ping(), "PONG");

assert.equal(await client.set("k", "käse", { expiration: { type: "EX", value: 100 } }), "OK");
assert.equal(await client.get("k"), "käse");
assert.equal(await client.ttl("k"), 100);
assert.equal(await client.pExpire("k", 50_000), 1);
assert.ok((await client.pTTL("k")) <= 50_000);
assert.equal(await client.set("k", "w", { condition: "NX" }), null);
assert.equal(await client.set("k", "v", { expiration: "KEEPTTL", GET: true }), "käse");
assert.deepEqual(await client.mGet(["k", "absent"]), ["v", null]);
assert.equal(await client.mSet({ a: "1", b: "2" }), "OK");
assert.equal(await client.incrBy("n", 42), 42);
assert.equal(await client.getDel("n"), "42");

const blob = Buffer.from(Array.from({ length: 65_536 }, (_, at) => at % 256));
await client.set("blob", blob);
assert.ok((await client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get("blob")).equals(blob));

assert.deepEqual(await client.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
assert.deepEqual(await client.multi().set("a", "3").get("a").execAsPipeline(), ["OK", "3"]);
await assert.rejects(client.multi().set("a", "1").lPush("list", "x").exec(), /unknown command/);
assert.equal(await client.get("a"), "3"); // and nothing of it was carried out

const numbers = Array.from({ length: 1000 }, (_, n) => n);
const pipelined = numbers.flatMap((n) => [client.set(`k${n}`, String(n)), client.get(`k${n}`)]);
assert.deepEqual(
  await Promise.all(pipelined),
  numbers.flatMap((n) => ["OK", String(n)]),
);
const found = [];
for await (const page of client.scanIterator({ MATCH: "k?*", COUNT: 100 })) found.push(...page);
assert.deepEqual(found.sort(), numbers.map((n) => `k${n}`).sort());

await assert.rejects(client.lPush("list", "x"), /unknown command 'LPUSH'/);
assert.deepEqual((await client.sendCommand(["PN.FETCH", "k", "NOLEASE"])).slice(0, 2), ["hit", "v"]);
assert.equal(await client.del(["k", "absent"]), 1);

const cached = door.RESP === 3 && (await cachesOnItsOwnSide());
assert.equal(await client.flushDb(), "OK");
assert.equal(await client.dbSize(), 0);
await client.close();
console.log(JSON.stringify({ client: "node-redis", spoken, cached }));

// Its client-side cache takes RESP3.
async function cachesOnItsOwnSide() {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 100 });
  const caching = await createClient({ ...door, clientSideCache: cache }).connect();
  await client.set("shared", "old");
  assert.equal(await caching.get("shared"), "old");
  assert.equal(await caching.get("shared"), "old");
  assert.equal(cache.stats().hitCount, 1);
  for (const change of [() => client.set("shared", "new"), () => client.flushDb()]) {
    const told = new Promise((resolve) => cache.once("invalidate", resolve));
    await change();
    await told;
    assert.equal(await caching.get("shared"), await client.get("shared"));
  }
  await caching.close();
  return true;
}
