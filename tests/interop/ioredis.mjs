// ioredis against the lane: node ioredis.mjs '{"path": ...} or {"host": ..., "port": ..., "password": ...}' RESP
// Throws on the first answer that is not as expected, and prints in JSON what it has come through.
import assert from "node:assert/strict";
import Redis from "ioredis";

const protocol = Number(process.argv[3]);
const client = new Redis({ ...JSON.parse(process.argv[2]), protocol, connectionName: "worker" });
const spoken = Number((await client.client("INFO")).match(/ resp=(\d)/)[1]); // it falls back to 2 in silence
assert.equal(await client.client("GETNAME"), "worker");
assert.match(await client.info(), /redis_version:7\.4\.0/);
assert.equal(await client.ping(), "PONG");

assert.equal(await client.set("k", "käse", "EX", 100), "OK");
assert.equal(await client.get("k"), "käse");
assert.equal(await client.ttl("k"), 100);
assert.equal(await client.pexpire("k", 50_000), 1);
assert.ok((await client.pttl("k")) <= 50_000);
assert.equal(await client.set("k", "w", "NX"), null);
assert.equal(await client.set("k", "v", "KEEPTTL", "GET"), "käse");
assert.deepEqual(await client.mget("k", "absent"), ["v", null]);
assert.equal(await client.mset({ a: 1, b: 2 }), "OK");
assert.equal(await client.incrby("n", 42), 42);
assert.equal(await client.getdel("n"), "42");

const blob = Buffer.from(Array.from({ length: 65_536 }, (_, at) => at % 256));
await client.set("blob", blob);
assert.ok((await client.getBuffer("blob")).equals(blob));

assert.deepEqual(await client.multi().set("a", 1).incr("a").get("a").exec(), [
  [null, "OK"],
  [null, 2],
  [null, "2"],
]);
await assert.rejects(client.multi().set("a", 1).lpush("list", "x").exec(), /EXECABORT/);
assert.equal(await client.get("a"), "2"); // nothing of it was carried out

const numbers = Array.from({ length: 1000 }, (_, n) => n);
const pipeline = client.pipeline();
for (const n of numbers) pipeline.set(`k${n}`, n).get(`k${n}`);
assert.deepEqual(
  await pipeline.exec(),
  numbers.flatMap((n) => [[null, "OK"], [null, String(n)]]),
);
const found = [];
for await (const page of client.scanStream({ match: "k?*", count: 100 })) found.push(...page);
assert.deepEqual(found.sort(), numbers.map((n) => `k${n}`).sort());

await assert.rejects(client.lpush("list", "x"), /unknown command 'lpush'/);
assert.deepEqual((await client.call("PN.FETCH", "k", "NOLEASE")).slice(0, 2), ["hit", "v"]);
assert.equal(await client.del("k", "absent"), 1);
assert.equal(await client.flushdb(), "OK");
assert.equal(await client.dbsize(), 0);
assert.equal(await client.quit(), "OK");
console.log(JSON.stringify({ client: "ioredis", spoken }));
