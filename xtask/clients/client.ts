// A client whose every type comes from the OpenAPI document: what does not fit it is not compiled.
import assert from "node:assert";
import createClient from "openapi-fetch";
import type { components, paths } from "./shapes.js";

const client = createClient<paths>({ baseUrl: process.argv[2] });
const key = `ts/${process.pid}`;
const path = { key };

const line: components["schemas"]["Line"] = { item: "tea", count: 2, note: null };

const put = await client.POST("/v1/cart/{key}/put", {
  params: { path, header: { "Idempotency-Key": "ts-1" } },
  body: { item: line.item, count: 2 },
});
assert.equal(put.data?.count, 2);
assert.ok(put.response.headers.get("etag"));

const again = await client.POST("/v1/cart/{key}/put", {
  params: { path, header: { "Idempotency-Key": "ts-1" } },
  body: { item: line.item, count: 2 },
});
assert.equal(again.response.headers.get("idempotency-replayed"), "true");

const cost = await client.GET("/v1/cart/{key}/cost", {
  params: { path, query: { currency: "eur", discount: 100 } },
});
assert.deepEqual(cost.data, { cents: 400, currency: "eur" });

const missing = await client.POST("/v1/cart/{key}/replace", {
  params: { path },
  body: { item: "milk", count: 1, note: null },
});
assert.equal(missing.response.status, 404);
assert.equal(missing.error?.code, "missing");
assert.equal(missing.error?.outcome, "executed");

const sent = await client.POST("/v1/door/{key}/enter/send", { params: { path } });
assert.equal(sent.response.status, 202);

const one: number | undefined = (await client.POST("/v1/shelf/{key}/measure", {
  params: { path },
  body: 7.5,
})).data;
assert.equal(one, 7.5);

const gone = await client.DELETE("/v1/cart/{key}", { params: { path } });
assert.equal(gone.response.status, 204);

// @ts-expect-error a number is no item
const wrong = await client.POST("/v1/cart/{key}/put", { params: { path }, body: { item: 1, count: 1 } });
assert.equal(wrong.response.status, 400);
console.log("client.ts: every call was answered as its types say");
