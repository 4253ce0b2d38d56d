//! What is where in the admin API.

use crate::program::admin::call::{Call, Refusal};
use crate::program::admin::{Admin, expectations, handlers, tls_handlers};
use crate::server::{Received, Response};

/// Its description, which says all of this to others.
pub(super) const OPENAPI: &str = include_str!("../../../fake-token-server.openapi.json");

type Handler = fn(&Admin, &Call<'_>) -> Result<Response, Refusal>;

/// In a path, one segment may be a name in braces, which stands for any.
const ROUTES: [(&str, &str, Handler); 32] = [
    ("GET", "/health", handlers::health),
    ("GET", "/urls", handlers::urls),
    ("GET", "/openapi.json", handlers::openapi),
    ("POST", "/replies", handlers::script),
    ("DELETE", "/replies", handlers::reset_replies),
    ("POST", "/faults", handlers::set_faults),
    ("DELETE", "/faults", handlers::clear_faults),
    ("POST", "/outages", expectations::outage),
    ("POST", "/expectations", expectations::expect),
    ("GET", "/expectations", expectations::verify),
    ("DELETE", "/expectations", expectations::forget),
    ("GET", "/requests", handlers::requests),
    ("DELETE", "/requests", handlers::clear_requests),
    ("GET", "/counts", handlers::counts),
    ("POST", "/await", handlers::await_requests),
    ("GET", "/gates", handlers::gates),
    ("POST", "/gates/{name}/open", handlers::open_gate),
    ("DELETE", "/gates/{name}", handlers::forget_gate),
    ("POST", "/tokens", handlers::issue_token),
    ("POST", "/refresh-tokens", handlers::issue_refresh_token),
    ("POST", "/revoke", handlers::revoke),
    ("POST", "/revoke-all", handlers::revoke_all),
    ("GET", "/clock", handlers::clock),
    ("POST", "/clock", handlers::move_clock),
    ("POST", "/dpop-nonces/renew", handlers::renew_dpop_nonces),
    ("GET", "/ca.pem", tls_handlers::ca),
    ("GET", "/ca-key.pem", tls_handlers::ca_key),
    (
        "POST",
        "/client-certificates",
        tls_handlers::issue_certificate,
    ),
    ("POST", "/tls-faults", tls_handlers::script_fault),
    ("DELETE", "/tls-faults", tls_handlers::reset_faults),
    ("POST", "/reset", handlers::reset),
    ("POST", "/stop", handlers::stop),
];

pub(super) fn answer(admin: &Admin, request: &Received) -> Response {
    // A web page that was told this address may send requests to it, but not hide that it does.
    if request.headers.contains_key("origin") {
        let detail = "this API is not for web pages: the request has an Origin";
        return Refusal::new(403, "forbidden", detail).response();
    }
    if !is_here(admin, request) {
        let detail = "this API is at a loopback address: the Host of the request is another";
        return Refusal::new(403, "forbidden", detail).response();
    }
    let here = ROUTES.iter().filter_map(|(method, path, handler)| {
        let name = fits(path, &request.path)?;
        Some((*method, name, handler))
    });
    let here: Vec<_> = here.collect();
    let Some((_, name, handler)) = here.iter().find(|(known, ..)| *known == request.method) else {
        return no_route(request, here.iter().map(|(method, ..)| *method).collect());
    };
    let call = Call { request, name };
    match handler(admin, &call) {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    }
}

/// A page whose own name was made to lead to this machine (DNS rebinding) is of the same origin as this API, and its
/// requests need no `Origin`; but they say where they believe to be.
fn is_here(admin: &Admin, request: &Received) -> bool {
    let mut hosts = request.headers.get_all("host").iter();
    hosts.all(|host| {
        let host = host.to_str().unwrap_or_default();
        let (name, _port) = host.rsplit_once(':').unwrap_or((host, ""));
        admin.is_named(name)
    })
}

fn no_route(request: &Received, methods: Vec<&str>) -> Response {
    if methods.is_empty() {
        let detail = format!("there is nothing at {}", request.path);
        return Refusal::new(404, "not_found", detail).response();
    }
    let allowed = methods.join(", ");
    let detail = format!("{} takes {allowed}", request.path);
    let refusal = Refusal::new(405, "method_not_allowed", detail);
    refusal.response().header("Allow", allowed)
}

/// What stands for the name in braces; empty if there is none; `None` if it is another path.
fn fits<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (pattern == path).then_some("");
    };
    let (_, after) = rest.split_once('}')?;
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_description_has_every_route_and_no_other() {
        let description: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut described = Vec::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                described.push((method.to_uppercase(), path.clone()));
            }
        }
        let mut routes: Vec<_> = ROUTES
            .iter()
            .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        described.sort();
        routes.sort();
        assert_eq!(described, routes);
    }

    #[test]
    fn a_name_in_braces_is_one_segment() {
        let pattern = "/gates/{name}/open";
        assert_eq!(fits(pattern, "/gates/g1/open"), Some("g1"));
        assert_eq!(fits(pattern, "/gates/a/b/open"), None);
        assert_eq!(fits(pattern, "/gates//open"), None);
        assert_eq!(fits("/health", "/health/"), None);
    }
}
