//! The description of the admin API, held against the program.
#![cfg(feature = "program")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use program::Program;
use serde_json::{Value, json};
use support::Response;

const TEXT: &str = include_str!("../fake-token-server.openapi.json");

struct Description(Value);

struct Operation<'a> {
    method: String,
    path: &'a str,
    says: &'a Value,
}

impl Description {
    fn new() -> Self {
        Self(serde_json::from_str(TEXT).unwrap())
    }

    /// The end of the program comes last.
    fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, methods) in self.0["paths"].as_object().unwrap() {
            for (method, says) in methods.as_object().unwrap() {
                let method = method.to_uppercase();
                operations.push(Operation { method, path, says });
            }
        }
        operations.sort_by_key(|operation| operation.path == "/stop");
        operations
    }

    /// The status is declared, and the body is as declared for it.
    fn check(&self, operation: &Operation<'_>, response: &Response) {
        let Operation { method, path, says } = operation;
        let status = response.status;
        let declared = &says["responses"][status.to_string()];
        let text = String::from_utf8_lossy(&response.body);
        assert!(declared.is_object(), "{method} {path}: {status} {text}");
        let Some(content) = declared["content"].as_object() else {
            assert_eq!(text, "", "{method} {path}: {status}");
            return;
        };
        let media_type = response.header("Content-Type").unwrap();
        let schema = &content[media_type]["schema"];
        let body = match media_type {
            "application/json" => response.json(),
            _ => Value::String(text.into_owned()),
        };
        if let Err(problem) = self.fits(schema, &body) {
            panic!("{method} {path}: {status}: {problem} in {body}");
        }
    }

    /// As much of JSON Schema as the description speaks; anything else in it is an error.
    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        for (keyword, says) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => {
                    let pointer = says.as_str().unwrap().trim_start_matches('#');
                    self.fits(self.0.pointer(pointer).unwrap(), value)?;
                }
                "type" => {
                    let types = one_or_more(says);
                    if !types
                        .iter()
                        .any(|kind| is_of(kind.as_str().unwrap(), value))
                    {
                        return Err(format!("not {says}: {value}"));
                    }
                }
                "enum" if !says.as_array().unwrap().contains(value) => {
                    return Err(format!("not among {says}: {value}"));
                }
                "required" if value.is_object() => {
                    for name in says.as_array().unwrap() {
                        if value.get(name.as_str().unwrap()).is_none() {
                            return Err(format!("no {name}"));
                        }
                    }
                }
                "properties" if value.is_object() => {
                    for (name, schema) in says.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            self.fits(schema, member)?;
                        }
                    }
                }
                "additionalProperties" if value.is_object() => {
                    for (name, member) in value.as_object().unwrap() {
                        if schema["properties"].get(name).is_some() {
                            continue;
                        }
                        if *says == json!(false) {
                            return Err(format!("{name:?} is not declared"));
                        }
                        self.fits(says, member)?;
                    }
                }
                "items" if value.is_array() => {
                    for item in value.as_array().unwrap() {
                        self.fits(says, item)?;
                    }
                }
                "minProperties" | "maxProperties" if value.is_object() => {
                    let members = value.as_object().unwrap().len();
                    if says != members {
                        return Err(format!("{members} members"));
                    }
                }
                "minimum" if value.as_f64() < says.as_f64() => return Err("too little".into()),
                "maximum" if value.as_f64() > says.as_f64() => return Err("too much".into()),
                "oneOf" => {
                    let kinds = says.as_array().unwrap().iter();
                    let fitting = kinds.filter(|kind| self.fits(kind, value).is_ok());
                    let count = fitting.count();
                    if count != 1 {
                        return Err(format!("{count} of the kinds fit"));
                    }
                }
                "enum" | "required" | "properties" | "additionalProperties" | "items" => {}
                "minProperties" | "maxProperties" | "minimum" | "maximum" => {}
                "description" | "default" | "pattern" => {}
                other => panic!("the test does not know {other:?}"),
            }
        }
        Ok(())
    }
}

impl Operation<'_> {
    /// Bodies that are right; none if there is to be none.
    fn bodies(&self) -> Vec<Option<&Value>> {
        let content = &self.says["requestBody"]["content"]["application/json"];
        match content["examples"].as_object() {
            Some(examples) => examples.values().map(|each| Some(&each["value"])).collect(),
            None => vec![None],
        }
    }

    fn target(&self) -> String {
        let Some(parameters) = self.says["parameters"].as_array() else {
            return self.path.to_owned();
        };
        parameters
            .iter()
            .fold(self.path.to_owned(), |path, parameter| {
                let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
                path.replace(&name, parameter["example"].as_str().unwrap_or_default())
            })
    }
}

fn one_or_more(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("there is no type {other:?}"),
    }
}

/// Every operation with every example, in an order in which they succeed.
fn run_all(description: &Description, program: &Program, expected: impl Fn(&Operation<'_>) -> u16) {
    let gates =
        json!({ "to": "api", "reply": { "kind": "usual", "gates": ["held", "done-with"] } });
    program.order("POST", "/replies", gates);
    for operation in description.operations() {
        for body in operation.bodies() {
            if let Some(body) = body {
                let content = &operation.says["requestBody"]["content"]["application/json"];
                description.fits(&content["schema"], body).unwrap();
            }
            if operation.path == "/requests" && operation.method == "DELETE" {
                check_full_log(description, program);
            }
            let response = program.admin(&operation.method, &operation.target(), body);
            description.check(&operation, &response);
            let text = String::from_utf8_lossy(&response.body);
            let (method, path) = (&operation.method, operation.path);
            assert_eq!(
                response.status,
                expected(&operation),
                "{method} {path}: {text}"
            );
        }
    }
}

/// The declaration of the log holds for a log with something in it.
fn check_full_log(description: &Description, program: &Program) {
    if !program.url("token_url").starts_with("http:") {
        return;
    }
    program.token_request(support::GRANT);
    let (api, token) = (program.url("api_url"), program.url("token_url"));
    let get = |url: &str, path: &str| {
        let request = program::request("GET", path, "Authorization: Bearer my-token\r\n", "");
        support::Client::to(url).exchange(request);
    };
    let counted = |program: &Program| program.admin("GET", "/counts", None).json();
    get(&token, "/oauth/jwks");
    get(&api, "/things?token=hidden");
    assert_eq!(counted(program)["token_requests"], 1);
    let operations = description.operations();
    let mut all = operations.iter();
    let log = all.find(|operation| operation.path == "/requests" && operation.method == "GET");
    let log = log.unwrap();
    for target in ["/requests", "/requests?bodies=true"] {
        let response = program.admin("GET", target, None);
        description.check(log, &response);
        let text = String::from_utf8_lossy(&response.body);
        for secret in [
            "test-secret",
            "my-token",
            "hidden",
            "dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ",
        ] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
        for kind in ["token", "api", "other"] {
            assert_eq!(response.json()[kind].as_array().unwrap().len(), 1, "{kind}");
        }
    }
}

#[test]
fn every_operation_with_every_example_answers_as_declared() {
    let description = Description::new();
    let program = Program::start(&[]);
    run_all(&description, &program, |operation| {
        let declared = operation.says["responses"].as_object().unwrap();
        if declared.contains_key("409") {
            return 409;
        }
        success(operation)
    });
    let (status, _) = program.end();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn every_operation_with_every_example_succeeds_with_tls() {
    let description = Description::new();
    let program = Program::start(&["--tls"]);
    run_all(&description, &program, success);
    let (status, _) = program.end();
    assert_eq!(status.code(), Some(0));
}

fn success(operation: &Operation<'_>) -> u16 {
    let declared = operation.says["responses"].as_object().unwrap();
    let mut good = declared.keys().filter(|status| status.starts_with('2'));
    let (Some(only), None) = (good.next(), good.next()) else {
        panic!(
            "{} {} has one good status",
            operation.method, operation.path
        );
    };
    only.parse().unwrap()
}

#[test]
fn what_is_not_right_is_refused_as_declared_and_changes_nothing() {
    let description = Description::new();
    let program = Program::start(&["--tls"]);
    let kept = json!({ "to": "token", "reply": { "kind": "usual", "gates": ["kept"] } });
    program.order("POST", "/replies", kept);
    for operation in description.operations() {
        let (method, target) = (&operation.method, operation.target());
        let origin = "Origin: http://web.example\r\n";
        let from_page = program.admin_raw(method, &target, origin, "");
        description.check(&operation, &from_page);
        assert_eq!(from_page.status, 403);
        let mut rebound = support::Client::to(&program.url("admin_url"));
        let elsewhere = program::request(method, &target, "", "");
        let elsewhere = elsewhere.replace("Host: localhost", "Host: web.example:80");
        let rebound = rebound.exchange(elsewhere);
        description.check(&operation, &rebound);
        assert_eq!(rebound.status, 403);
        if operation.says["requestBody"].is_object() {
            let form = "Content-Type: application/x-www-form-urlencoded\r\n";
            let response = program.admin_raw(method, &target, form, "a=b");
            description.check(&operation, &response);
            assert_eq!(response.status, 415, "{target}");
            let json = "Content-Type: application/json\r\n";
            for wrong in [
                r#"{"no such member":1}"#,
                r#"{"unfinished"#,
                "",
                "[1]",
                "null",
            ] {
                let response = program.admin_raw(method, &target, json, wrong);
                description.check(&operation, &response);
                assert_eq!(response.status, 400, "{target} {wrong}");
            }
        }
    }
    let gates = program.admin("GET", "/gates", None).json();
    assert_eq!(
        gates,
        json!({ "gates": [{ "name": "kept", "open": false }] })
    );
}

#[test]
fn what_is_not_declared_is_not_there() {
    let description = Description::new();
    let program = Program::start(&[]);
    for path in [
        "/",
        "/health/",
        "/replies/1",
        "/gates//open",
        "/gates/a/b/open",
    ] {
        assert_eq!(program.admin("GET", path, None).status, 404, "{path}");
    }
    let operations = description.operations();
    for Operation { path, .. } in &operations {
        let here = operations.iter().filter(|other| other.path == *path);
        let mut declared: Vec<&str> = here.map(|other| other.method.as_str()).collect();
        declared.sort_unstable();
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] {
            if declared.contains(&method) {
                continue;
            }
            let response = program.admin(method, path, None);
            assert_eq!(response.status, 405, "{method} {path}");
            let mut allowed: Vec<_> = response.header("Allow").unwrap().split(", ").collect();
            allowed.sort_unstable();
            assert_eq!(allowed, declared, "{path}");
        }
    }
}
