// ioredis against the lane: node ioredis.mjs SOCKET. Throws on the first answer that is not as expected.
import assert from "node:assert/strict";
import Redis from "ioredis";

const client = new Redis(process.argv[2], { connectionName: "worker" });
assert.equal(await client.ping(), "PONG");
assert.equal(await client.set("k", "v", "EX", 100), "OK");
assert.equal(await client.get("k"), "v");
assert.equal(await client.ttl("k"), 100);
assert.equal(await client.set("k", "w", "NX"), null);
assert.deepEqual(await client.mget("k", "absent"), ["v", null]);
assert.equal(await client.incrby("n", 42), 42);
assert.deepEqual(
  await client.multi().set("a", 1).incr("a").get("a").exec(),
  [[null, "OK"], [null, 2], [null, "2"]],
);
const pipeline = client.pipeline();
for (let n = 0; n < 1000; n += 1) pipeline.set(`k${n}`, n).get(`k${n}`);
const answers = await pipeline.exec();
assert.deepEqual(answers.map(([, answer]) => answer), Array.from({ length: 2000 }, (_, at) => at % 2 ? String((at - 1) / 2) : "OK"));
const found = [];
for await (const page of client.scanStream({ match: "k*", count: 100 })) found.push(...page);
assert.equal(new Set(found).size, 1001);
assert.equal(found.length, 1001);
assert.ok((await client.getBuffer("k")).equals(Buffer.from("v")));
await assert.rejects(client.lpush("list", "x"), /unknown command/);
const [status, value] = await client.call("PN.FETCH", "k", "NOLEASE");
assert.deepEqual([status, value], ["hit", "v"]);
assert.equal(await client.client("GETNAME"), "worker");
assert.match(await client.info(), /redis_version:7\.4\.0/);
assert.equal(await client.del("k", "absent"), 1);
assert.equal(await client.quit(), "OK");
console.log("ioredis: all answers as expected");
