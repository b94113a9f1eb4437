// Calls with a client that knows neither Tenure nor the document.
import assert from "node:assert";
import axios from "axios";

const shapes = axios.create({ baseURL: process.argv[2], validateStatus: () => true });
const cart = `/v1/cart/${encodeURIComponent(`npm/${process.pid}`)}`;

const put = await shapes.post(`${cart}/put`, { item: "tea", count: 3 });
assert.deepEqual([put.status, put.data.count], [200, 3]);
const tag = put.headers.etag;
const has = await shapes.get(`${cart}/has`, { params: { item: "tea" } });
assert.deepEqual([has.status, has.data], [200, true]);
const same = await shapes.get(`${cart}/has`, {
  params: { item: "tea" },
  headers: { "If-None-Match": has.headers.etag },
});
assert.equal(same.status, 304);
const changed = await shapes.post(`${cart}/take`, ["tea"], { headers: { "If-Match": tag } });
assert.deepEqual([changed.status, changed.data], [200, 1]);
const stale = await shapes.post(`${cart}/take`, ["tea"], { headers: { "If-Match": tag } });
assert.deepEqual([stale.status, stale.data.code], [412, "version_mismatch"]);
const empty = await shapes.post(`${cart}/send_off`, { to: { kind: "pick_up" }, gifts: {} });
assert.deepEqual([empty.status, empty.data.code], [422, "empty"]);
const deleted = await shapes.delete(cart);
assert.equal(deleted.status, 204);
console.log("client.mjs: every call was answered");
