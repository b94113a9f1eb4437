"""Calls with a client that knows neither Tenure nor the document."""

import os
import sys
from urllib.parse import quote

import httpx

KEY = quote(f"pypi/{os.getpid()}/ü", safe="")

with httpx.Client(base_url=sys.argv[1]) as shapes:
    put = shapes.post(f"/v1/cart/{KEY}/put", json={"item": "tea", "count": 3.0})
    assert (put.status_code, put.json()["count"]) == (200, 3), put.text
    lines = shapes.get(f"/v1/cart/{KEY}/lines", params={"limit": 1})
    assert lines.json() == [{"item": "tea", "count": 3, "note": None}], lines.text
    refused = shapes.get(f"/v1/cart/{KEY}/lines", params={"limit": 300})
    assert refused.status_code == 400, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    kept = shapes.post(f"/v1/shelf/{KEY}/open", json=None, headers={"Prefer": "wait=durable"})
    assert kept.status_code == 400, "an empty body is no argument"
    kept = shapes.post(f"/v1/shelf/{KEY}/open", json=True, headers={"Prefer": "wait=durable"})
    assert (kept.json(), kept.headers["x-durability"]) == (True, "durable"), kept.text
    sent = shapes.post(f"/v1/door/{KEY}/enter/send", params={"delay": "1ms"})
    assert sent.status_code == 202, sent.text
    assert shapes.delete(f"/v1/cart/{KEY}").status_code == 204
print("client.py: every call was answered")
