//! Which method of which actor type a request is for.

use hyper::Method as HttpMethod;
use tenure_actor::{ActorType, Method, Persist, Shape};

use super::path::{CallPath, decode};
use super::sending::{Sending, sending_of};
use super::suggest::hint;
use crate::problem::{Problem, echo};

/// What can be called over HTTP.
#[derive(Debug)]
pub(crate) struct Routes {
    /// By name, in order.
    types: Vec<(&'static str, TypeRoutes)>,
}

/// What can be called of one actor type.
#[derive(Debug)]
struct TypeRoutes {
    methods: Vec<Route>,
    delete: Route,
}

/// One method of one actor type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) type_name: &'static str,
    pub(crate) method: &'static Method,
    pub(crate) persist: Persist,
}

/// A request whose path and HTTP method fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched<'a> {
    pub(crate) route: Route,
    /// The key's segment, not yet decoded.
    pub(crate) key: &'a str,
    pub(crate) one_way: bool,
    /// How a message is sent.
    pub(crate) sending: Sending,
    /// Where the arguments are.
    pub(crate) source: Source,
}

/// Where the arguments of a call are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Body,
    Query,
    /// There are none: `DELETE`.
    Nowhere,
}

impl Routes {
    pub(crate) fn new(types: &[ActorType]) -> Self {
        let routes_of = |actor_type: &ActorType| {
            let outside = actor_type.methods.iter().filter(|m| !m.internal);
            let route = |method| Route {
                type_name: actor_type.name.as_str(),
                method,
                persist: actor_type.persist,
            };
            let methods = outside.map(route).collect();
            let delete = route(actor_type.standing.delete);
            (actor_type.name.as_str(), TypeRoutes { methods, delete })
        };
        let mut types: Vec<_> = types.iter().map(routes_of).collect();
        types.sort_unstable_by_key(|(name, _)| *name);
        Self { types }
    }

    /// Finds what a request is for.
    ///
    /// # Errors
    /// 404, 405, or 400 for a query that the method has no use for.
    pub(crate) fn find<'a>(
        &self,
        http_method: &HttpMethod,
        path: &'a str,
        query: Option<&str>,
    ) -> Result<Matched<'a>, Box<Problem>> {
        let parsed = CallPath::parse(path);
        if let CallPath::Actor { type_name, key } = parsed
            && *http_method == HttpMethod::DELETE
        {
            let route = self.routes(type_name)?.delete;
            if let Some(query) = query.filter(|query| !query.is_empty()) {
                return Err(unused_query("DELETE", query).into());
            }
            let (sending, source) = (Sending::default(), Source::Nowhere);
            return Ok(Matched { route, key, one_way: false, sending, source });
        }
        let CallPath::Method { type_name, key, method, one_way } = parsed else {
            return Err(self.nowhere(parsed, path).into());
        };
        let routes = &self.routes(type_name)?.methods;
        let Some(route) = routes.iter().find(|r| r.method.info.name == method) else {
            return Err(no_method(http_method, routes, type_name, method).into());
        };
        let source = check_http_method(http_method, route, one_way)?;
        let mut sending = Sending::default();
        match query.filter(|query| !query.is_empty()) {
            Some(query) if source == Source::Query => check_arguments(query, route.method)?,
            Some(query) if one_way => sending = sending_of(query)?,
            Some(query) => return Err(unused_query("POST", query).into()),
            None => {}
        }
        Ok(Matched { route: *route, key, one_way, sending, source })
    }

    fn routes(&self, type_name: &str) -> Result<&TypeRoutes, Box<Problem>> {
        match self.types.binary_search_by_key(&type_name, |(name, _)| name) {
            Ok(index) => Ok(&self.types[index].1),
            Err(_) => {
                let hint = hint(type_name, "types", &self.names());
                let detail = format!("there is no actor type `{}`{hint}", echo(type_name));
                Err(Problem::not_found(detail).into())
            }
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.types.iter().map(|(name, _)| *name).collect()
    }

    /// A path that names no method.
    fn nowhere(&self, parsed: CallPath<'_>, asked: &str) -> Problem {
        let (type_name, detail) = match parsed {
            CallPath::Elsewhere if is_of_admin(asked) => {
                let detail = "this port takes calls; health, metrics and /admin are on the admin port \
                              (admin.listen, 127.0.0.1:7071 unless set)";
                return Problem::not_found(detail);
            }
            CallPath::Method { .. } | CallPath::Elsewhere => {
                let hint = hint("", "types", &self.names());
                let detail = format!("calls go to POST /v1/{{type}}/{{key}}/{{method}}{hint}");
                return Problem::not_found(detail);
            }
            CallPath::Type { type_name } => (type_name, "a key and a method are missing".into()),
            CallPath::Actor { type_name, key } => return self.only_deleted(type_name, key),
            CallPath::TooDeep { type_name, rest } => (type_name, too_deep(type_name, rest)),
        };
        match self.routes(type_name) {
            Err(problem) => *problem,
            Ok(routes) => {
                let hint = hint("", "methods", &names(&routes.methods));
                Problem::not_found(format!(
                    "{detail}; calls of `{type_name}` go to POST /v1/{type_name}/{{key}}/{{method}}{hint}"
                ))
            }
        }
    }
}

impl Routes {
    /// An actor itself is no page.
    fn only_deleted(&self, type_name: &str, key: &str) -> Problem {
        match self.routes(type_name) {
            Err(problem) => *problem,
            Ok(routes) => {
                let hint = hint("", "methods", &names(&routes.methods));
                let detail = format!(
                    "an actor itself can only be deleted; call a method of it, as in \
                     /v1/{type_name}/{}/{{method}}{hint}",
                    echo(key)
                );
                Problem::method_not_allowed("DELETE", detail)
            }
        }
    }
}

/// Whether a path is one of the admin server's.
fn is_of_admin(path: &str) -> bool {
    let first = path.split('/').nth(1);
    first.is_some_and(|it| ["admin", "metrics", "livez", "readyz", "startupz"].contains(&it))
}

fn names(routes: &[Route]) -> Vec<&'static str> {
    routes.iter().map(|route| route.method.info.name).collect()
}

fn no_method(http: &HttpMethod, routes: &[Route], type_name: &str, method: &str) -> Problem {
    if method == "events" && *http != HttpMethod::GET {
        return Problem::method_not_allowed("GET", "the events of an actor are followed with GET");
    }
    let hint = hint(method, "methods", &names(routes));
    Problem::not_found(format!("`{type_name}` has no method `{}`{hint}", echo(method)))
}

fn too_deep(type_name: &str, rest: &str) -> String {
    let rest = rest.strip_suffix("/send").unwrap_or(rest);
    match rest.rsplit_once('/') {
        Some((_, "")) => "the path ends in a slash".to_owned(),
        Some((key, method)) => format!(
            "the path has too many parts; a slash in a key is written %2F, as in \
             /v1/{type_name}/{}/{}",
            echo(&key.replace('/', "%2F")),
            echo(method)
        ),
        None => "the path has too many parts".to_owned(),
    }
}

/// Answers where the arguments are.
fn check_http_method(
    http_method: &HttpMethod,
    route: &Route,
    one_way: bool,
) -> Result<Source, Box<Problem>> {
    let name = route.method.info.name;
    let by_get = !route.method.info.exclusive && !one_way;
    match *http_method {
        HttpMethod::POST => Ok(Source::Body),
        HttpMethod::GET if by_get => Ok(Source::Query),
        HttpMethod::GET if one_way => {
            let detail = "a message is sent with POST";
            Err(Problem::method_not_allowed("POST", detail).into())
        }
        HttpMethod::GET => {
            let detail = format!("`{name}` may change its actor; call it with POST");
            Err(Problem::method_not_allowed("POST", detail).into())
        }
        _ => {
            let allow = if by_get { "GET, POST" } else { "POST" };
            let detail = format!("`{name}` is called with {}", allow.replace(", ", " or "));
            Err(Problem::method_not_allowed(allow, detail).into())
        }
    }
}

/// Refuses parameters that are no arguments of `method`.
fn check_arguments(query: &str, method: &Method) -> Result<(), Box<Problem>> {
    let one;
    let names: &[&str] = match method.shape {
        Shape::None => &[],
        Shape::One { name, .. } => {
            one = [name];
            &one
        }
        Shape::Named(names) => names,
    };
    for name in parameters(query) {
        let name = decode(name).unwrap_or(name.into());
        if !names.contains(&name.as_ref()) {
            let hint = hint(&name, "arguments", names);
            let method = method.info.name;
            let detail = format!("`{method}` has no argument `{}`{hint}", echo(&name));
            return Err(Problem::bad_request(detail).into());
        }
    }
    Ok(())
}

fn unused_query(http_method: &str, query: &str) -> Problem {
    let name = parameters(query).next().unwrap_or_default();
    Problem::bad_request(match name {
        "delay" | "durable" => format!("`{name}` belongs to POST ../send"),
        _ => {
            let name = echo(name);
            format!(
                "{http_method} takes no query, this one has `{name}`; arguments are in the body"
            )
        }
    })
}

fn parameters(query: &str) -> impl Iterator<Item = &str> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
}

#[cfg(test)]
mod tests;
