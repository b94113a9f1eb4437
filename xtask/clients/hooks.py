"""Lets most calls run: a condition that schemathesis makes up is hardly ever met.

Only what keeps the rules is replaced. What breaks them is to be refused, and stays.
"""

import re
from urllib.parse import unquote

import schemathesis

TAGS = re.compile(r'(\*|(W/)?"[!#-~]+"(, ?(W/)?"[!#-~]+")*)')
WAIT = re.compile("[0-9]{1,4}ms|[1-5]?[0-9]s|60s|[01]m")


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    # Once a hook has changed a case, schemathesis judges it anew, and then takes such a key, which it has
    # percent-encoded meanwhile, for a good one. Our own tests send every one of them.
    return not any(CONTROL.search(unquote(str(value))) for value in (path_parameters or {}).values())


@schemathesis.hook
def map_headers(context, headers):
    tags = (headers or {}).get("If-Match")
    if tags is not None and TAGS.fullmatch(tags) and len(tags) % 4:
        return {name: value for name, value in headers.items() if name != "If-Match"}
    return headers


@schemathesis.hook
def map_query(context, query):
    if not query or "/_feeds/" not in context.operation.path:
        return query
    query = dict(query)
    # A cursor is what a server gave: one that is made up is refused, as it should be.
    if query.get("after") not in (None, "", "latest"):
        del query["after"]
    # The client waits less for an answer than a feed waits for an entry.
    if WAIT.fullmatch(str(query.get("wait"))):
        query["wait"] = "10ms"
    return query
