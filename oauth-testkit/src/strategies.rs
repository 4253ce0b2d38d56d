//! [`proptest`](mod@proptest) strategies for what servers send and clients are given: the ordinary, the odd and the wrong.
//!
//! # Examples
//!
//! ```
//! use oauth_testkit::strategies::client_secrets;
//! use proptest::prelude::*;
//!
//! proptest!(|(secret in client_secrets())| {
//!     let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
//!     prop_assert!(encoded.is_ascii());
//! });
//! ```

use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::ManualClock;

/// Client ids, many of them full of characters that mean something in a form, in Basic or in a URL. Some go beyond the
/// visible ASCII of RFC 6749 §A.1, as servers do that take names for ids; its App. B says how those are encoded.
pub fn client_ids() -> impl Strategy<Value = String> {
    reserved(1..40)
}

/// Client secrets, as [`client_ids`], likewise beyond RFC 6749 §A.2. None is blank: a client takes that for one that was
/// forgotten.
pub fn client_secrets() -> impl Strategy<Value = String> {
    reserved(1..80).prop_filter("a secret is not blank", |secret| !secret.trim().is_empty())
}

fn reserved(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let visible = prop::char::range('!', '~');
    let character = prop_oneof![
        3 => select(vec!['%', '+', ' ', '&', '=', ':', '/', '?', '#', '"', '\\', ';', '@', '~', '*']),
        2 => visible,
        1 => select(vec!['ä', 'ß', '€', '字', '🔑', '\u{301}']),
    ];
    vec(character, length).prop_map(|characters| characters.into_iter().collect())
}

/// One scope (RFC 6749 §3.3).
pub fn scope_tokens() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "read",
            "write",
            "openid",
            "https://api.example.com/.default"
        ])
        .prop_map(str::to_owned),
        "[!#-\\[\\]-~]{1,20}",
    ]
}

/// The `scope` parameter: one scope or more, some of them several times.
pub fn scopes() -> impl Strategy<Value = String> {
    vec(scope_tokens(), 1..6).prop_map(|scopes| scopes.join(" "))
}

/// Access tokens as servers make them: every visible ASCII character (RFC 6749 §A.12), JWTs among them.
pub fn access_tokens() -> impl Strategy<Value = String> {
    prop_oneof![
        "[!-~]{1,200}",
        "eyJ[A-Za-z0-9_-]{10,60}\\.[A-Za-z0-9_-]{10,90}\\.[A-Za-z0-9_-]{43}"
    ]
}

/// Lifetimes of tokens as servers enforce them: seconds, hours, and none at all.
pub fn lifetimes() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        3 => (1..60_u64).prop_map(Duration::from_secs),
        3 => (60..100_000_u64).prop_map(Duration::from_secs),
        1 => any::<u64>().prop_map(Duration::from_millis),
    ]
}

/// The member `expires_in` as servers write it, right or wrong: numbers of all sizes, strings, `null` and nonsense.
pub fn expires_in() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (1..100_000_u32).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => (0..100_000_u32).prop_map(|seconds| seconds.to_string().into()),
        1 => select(vec![json!(null), json!(""), json!("soon"), json!("-1"), json!("1e400"), json!([]), json!({}), json!(true)]),
    ]
}

/// Token responses that RFC 6749 §5.1 allows.
pub fn token_responses() -> impl Strategy<Value = Value> {
    let required = (access_tokens(), select(vec!["Bearer", "bearer", "BEARER"]));
    let optional = (
        option::of(1..100_000_u32),
        option::of(scopes()),
        option::of("[a-z]{1,10}"),
    );
    (required, optional).prop_map(|((token, token_type), (expires_in, scope, extra))| {
        let mut members = Map::new();
        members.insert("access_token".to_owned(), token.into());
        members.insert("token_type".to_owned(), token_type.into());
        let optional = [
            ("expires_in", expires_in.map(Value::from)),
            ("scope", scope.map(Value::from)),
            ("x_extra", extra.map(Value::from)),
        ];
        for (name, value) in optional {
            members.extend(value.map(|value| (name.to_owned(), value)));
        }
        members.into()
    })
}

/// Bodies that a token endpoint may really send: token and error responses with members of any type, cut off, doubled
/// or followed by something, web pages, and any bytes.
pub fn wild_token_responses() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => json_objects().prop_map(|value| value.to_string().into_bytes()),
        2 => (token_responses(), any::<prop::sample::Index>()).prop_map(|(value, cut)| {
            let mut bytes = value.to_string().into_bytes();
            bytes.truncate(cut.index(bytes.len()));
            bytes
        }),
        1 => (token_responses(), any_json()).prop_map(|(one, other)| format!("{one}{other}").into_bytes()),
        1 => any_json().prop_map(|value| value.to_string().into_bytes()),
        1 => Just(b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec()),
        2 => vec(any::<u8>(), 0..200),
    ]
}

fn json_objects() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        6 => select(vec![
            "access_token", "token_type", "expires_in", "refresh_in", "scope", "refresh_token",
            "error", "error_description", "error_uri",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let value = prop_oneof![
        2 => access_tokens().prop_map(Value::from),
        2 => expires_in(),
        1 => select(vec!["Bearer", "DPoP", "mac", "invalid_client", "slow_down"]).prop_map(Value::from),
        2 => any_json(),
    ];
    vec((name, value), 0..8).prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A `Retry-After` header (RFC 9110 §10.2.3) and what it says at a given time of day: seconds or a date, in any of the
/// three formats that a recipient has to accept (§5.6.7), or nothing if it is nonsense.
pub fn retry_after(wall: SystemTime) -> impl Strategy<Value = (String, Option<Duration>)> {
    let seconds = prop_oneof![0..1000_u64, any::<u64>()]
        .prop_map(|seconds| (seconds.to_string(), Some(Duration::from_secs(seconds))));
    let format = select(vec![
        DateFormat::Imf,
        DateFormat::Rfc850,
        DateFormat::Asctime,
    ]);
    let date = (-100_000..100_000_i64, format).prop_map(move |(offset, format)| {
        let magnitude = Duration::from_secs(offset.unsigned_abs());
        let date = if offset < 0 {
            wall - magnitude
        } else {
            wall + magnitude
        };
        // A date has whole seconds.
        let since_epoch = date
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs());
        let left = whole.duration_since(wall).unwrap_or_default();
        (format.write(date), Some(left))
    });
    let nonsense = prop_oneof![
        select(vec![
            "",
            "soon",
            "-1",
            "1.5",
            "1 2",
            "Sun, 99 Nov 1994 08:49:37 GMT"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,20}",
    ]
    .prop_map(|text| (text, None));
    prop_oneof![3 => seconds, 3 => date, 1 => nonsense]
}

/// The formats of a date (RFC 9110 §5.6.7), the last two of which are obsolete and to be read all the same.
#[derive(Clone, Copy, Debug)]
enum DateFormat {
    Imf,
    Rfc850,
    Asctime,
}

impl DateFormat {
    fn write(self, date: SystemTime) -> String {
        // `Sun, 06 Nov 1994 08:49:37 GMT`
        let imf = httpdate::fmt_http_date(date);
        let parts: Vec<&str> = imf
            .split([' ', ','])
            .filter(|part| !part.is_empty())
            .collect();
        let [weekday, day, month, year, time, _] = parts[..] else {
            return imf;
        };
        match self {
            Self::Imf => imf,
            Self::Rfc850 => {
                let rest = match weekday {
                    "Tue" => "sday",
                    "Wed" => "nesday",
                    "Thu" => "rsday",
                    "Sat" => "urday",
                    _ => "day",
                };
                let year = &year[2..];
                format!("{weekday}{rest}, {day}-{month}-{year} {time} GMT")
            }
            Self::Asctime => {
                let day = day.trim_start_matches('0');
                format!("{weekday} {month} {day:>2} {time} {year}")
            }
        }
    }
}

/// A challenge of a `WWW-Authenticate` header: its scheme, and a token68 or parameters or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChallengeParts {
    /// As it was written.
    pub scheme: String,
    /// What stands in place of parameters (RFC 9110 §11.2).
    pub token68: Option<String>,
    /// Names and values, no name twice.
    pub parameters: Vec<(String, String)>,
}

/// A `WWW-Authenticate` header (RFC 9110 §11.6.1) with several challenges, and what is in it. Values are quoted where
/// they must be, and at random elsewhere.
pub fn www_authenticate() -> impl Strategy<Value = (String, Vec<ChallengeParts>)> {
    let challenge = prop_oneof![
        4 => with_parameters(),
        1 => (schemes(), option::of("[A-Za-z0-9._~+/-]{1,20}={0,2}")).prop_map(bare),
    ];
    vec(challenge, 1..4).prop_map(|challenges| {
        let (lines, parts): (Vec<_>, Vec<_>) = challenges.into_iter().unzip();
        (lines.join(", "), parts)
    })
}

fn schemes() -> impl Strategy<Value = &'static str> {
    select(vec![
        "Bearer",
        "bearer",
        "DPoP",
        "Basic",
        "Negotiate",
        "X-Own",
    ])
}

fn bare((scheme, token68): (&str, Option<String>)) -> (String, ChallengeParts) {
    let written = match &token68 {
        Some(token68) => format!("{scheme} {token68}"),
        None => scheme.to_owned(),
    };
    let parts = ChallengeParts {
        scheme: scheme.to_owned(),
        token68,
        parameters: Vec::new(),
    };
    (written, parts)
}

fn with_parameters() -> impl Strategy<Value = (String, ChallengeParts)> {
    let name = select(vec![
        "realm",
        "error",
        "error_description",
        "scope",
        "nonce",
        "x",
    ]);
    let value = prop_oneof![
        select(vec![
            "invalid_token",
            "insufficient_scope",
            "a, b",
            "",
            "x=y",
            "Bearer"
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,20}",
    ];
    let parameter = (name, value, any::<bool>());
    (schemes(), vec(parameter, 1..4)).prop_map(|(scheme, given)| {
        let mut written = Vec::new();
        // The first of a name counts.
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value, quoted) in given {
            if parameters.iter().any(|(known, _)| known == name) {
                continue;
            }
            written.push(format!("{name}={}", quote(&value, quoted)));
            parameters.push((name.to_owned(), value));
        }
        let parts = ChallengeParts {
            scheme: scheme.to_owned(),
            token68: None,
            parameters,
        };
        (format!("{scheme} {}", written.join(", ")), parts)
    })
}

/// RFC 9110 §5.6.2 and §5.6.4.
fn quote(value: &str, always: bool) -> String {
    let is_token = !value.is_empty()
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if is_token && !always {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Something that happens to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockStep {
    /// Time passes.
    Advance(Duration),
    /// The machine sleeps.
    Suspend(Duration),
    /// The time of day is stepped by seconds, either way.
    StepWall(i64),
}

impl ClockStep {
    /// Does it to a clock.
    pub fn apply(self, clock: &ManualClock) {
        match self {
            Self::Advance(duration) => clock.advance(duration),
            Self::Suspend(duration) => clock.suspend(duration),
            Self::StepWall(seconds) => clock.step_wall(seconds),
        }
    }
}

/// What may happen to the clock of a machine within the lives of a few tokens.
pub fn clock_histories() -> impl Strategy<Value = Vec<ClockStep>> {
    let short = || (0..10_000_u64).prop_map(Duration::from_millis);
    let long = || (0..10_000_u64).prop_map(Duration::from_secs);
    let step = prop_oneof![
        4 => short().prop_map(ClockStep::Advance),
        4 => long().prop_map(ClockStep::Advance),
        1 => long().prop_map(ClockStep::Suspend),
        1 => (-1_000_000..1_000_000_i64).prop_map(ClockStep::StepWall),
    ];
    vec(step, 0..40)
}
