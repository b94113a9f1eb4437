"""Lets most calls run: a condition that schemathesis makes up is hardly ever met."""

import schemathesis


@schemathesis.hook
def map_headers(context, headers):
    if headers and len(headers.get("If-Match") or "") % 4:
        return {name: value for name, value in headers.items() if name != "If-Match"}
    return headers


@schemathesis.hook
def map_query(context, query):
    # A cursor is what a server gave: one that is made up is refused, as it should be.
    if query and "/_feeds/" in context.operation.path and query.get("after") not in (None, "", "latest"):
        return {name: value for name, value in query.items() if name != "after"}
    return query
