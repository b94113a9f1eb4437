// Calls with a client that knows neither Tenure nor the document.
import assert from "node:assert";
import axios from "axios";

const shop = axios.create({ baseURL: process.argv[2], validateStatus: () => true });
const cart = `/v1/cart/${encodeURIComponent(`npm/${process.pid}`)}`;

const put = await shop.post(`${cart}/put`, { item: "tea", count: 3 });
assert.deepEqual([put.status, put.data.count], [200, 3]);
const tag = put.headers.etag;
const has = await shop.get(`${cart}/has`, { params: { item: "tea" } });
assert.deepEqual([has.status, has.data], [200, true]);
const same = await shop.get(`${cart}/has`, {
  params: { item: "tea" },
  headers: { "If-None-Match": has.headers.etag },
});
assert.equal(same.status, 304);
const changed = await shop.post(`${cart}/take`, ["tea"], { headers: { "If-Match": tag } });
assert.deepEqual([changed.status, changed.data], [200, 1]);
const stale = await shop.post(`${cart}/take`, ["tea"], { headers: { "If-Match": tag } });
assert.deepEqual([stale.status, stale.data.code], [412, "version_mismatch"]);
const empty = await shop.post(`${cart}/send_off`, { to: { kind: "pick_up" }, gifts: {} });
assert.deepEqual([empty.status, empty.data.code], [422, "empty"]);
const deleted = await shop.delete(cart);
assert.equal(deleted.status, 204);
console.log("client.mjs: every call was answered");
