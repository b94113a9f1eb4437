"""Lets most calls run: a condition that schemathesis makes up is hardly ever met."""

import schemathesis


@schemathesis.hook
def map_headers(context, headers):
    if headers and len(headers.get("If-Match") or "") % 4:
        return {name: value for name, value in headers.items() if name != "If-Match"}
    return headers
