//! Reading the format strictly: whatever is not in it is an error that says where and why.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::scenario::{Body, Policy, Reply, Scenario, Step, check, seconds};

pub(crate) fn scenario(file: &Path, text: &str) -> Result<Scenario, String> {
    let Object(parsed): Object<File> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let scenario = Scenario::new(parsed.name, parsed.promise, parsed.policy.0, parsed.steps.0);
    check::scenario(&scenario, file)?;
    Ok(scenario)
}

/// A key that is given has a value; `null` is one only where the type says so.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// An object and nothing else: serde by itself takes a list for a struct, too.
#[derive(Default)]
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        from.deserialize_map(Members(PhantomData))
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    promise: String,
    #[serde(default)]
    policy: Object<Policy>,
    steps: Steps,
}

/// Steps whose errors carry their number.
struct Steps(Vec<Step>);

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Numbered;

        impl<'de> Visitor<'de> for Numbered {
            type Value = Steps;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of steps")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Steps, A::Error> {
                let mut steps = Vec::new();
                while let Some(step) = list.next_element().map_err(|error| {
                    A::Error::custom(format!("step {}: {error}", steps.len() + 1))
                })? {
                    steps.push(step);
                }
                Ok(Steps(steps))
            }
        }

        from.deserialize_seq(Numbered)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepKey {
    Call,
    Drop,
    Reply,
    Fail,
    Advance,
    Suspend,
    Wall,
    Reject,
    Expect,
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneKey;

        impl<'de> Visitor<'de> for OneKey {
            type Value = Step;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a step: an object with one key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Step, A::Error> {
                let Some(key) = object.next_key()? else {
                    return Err(A::Error::custom(
                        "a step has exactly one key, this has none",
                    ));
                };
                let step = match key {
                    StepKey::Call => Step::Call(object.next_value()?),
                    StepKey::Drop => Step::Drop(object.next_value()?),
                    StepKey::Reply => Step::Reply(object.next_value()?),
                    StepKey::Fail => Step::Fail(object.next_value()?),
                    StepKey::Advance => Step::Advance(object.next_value::<Seconds>()?.0),
                    StepKey::Suspend => Step::Suspend(object.next_value::<Seconds>()?.0),
                    StepKey::Wall => Step::Wall(object.next_value()?),
                    StepKey::Reject => Step::Reject(object.next_value()?),
                    StepKey::Expect => Step::Expect(object.next_value::<Object<_>>()?.0),
                };
                match object.next_key::<String>()? {
                    None => Ok(step),
                    Some(other) => Err(A::Error::custom(format!(
                        "a step has exactly one key, this has also `{other}`"
                    ))),
                }
            }
        }

        from.deserialize_map(OneKey)
    }
}

#[derive(serde::Deserialize)]
struct Seconds(#[serde(with = "seconds")] std::time::Duration);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyObject {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// As it is written, since what no parser of ours would write is of interest too.
    #[serde(default, deserialize_with = "given")]
    json: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "given")]
    body: Option<String>,
}

fn ok() -> u16 {
    200
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Object(object) = Object::<ReplyObject>::deserialize(from)?;
        let status = StatusCode::from_u16(object.status)
            .map_err(|_| D::Error::custom(format!("{} is no HTTP status", object.status)))?;
        let mut headers = HeaderMap::new();
        for (name, value) in object.headers {
            let header = HeaderName::try_from(&name).ok().zip(value.try_into().ok());
            let (known, value): (_, HeaderValue) =
                header.ok_or_else(|| D::Error::custom(format!("`{name}` is no HTTP header")))?;
            headers.insert(known, value);
        }
        let body = match (object.json, object.body) {
            (Some(_), Some(_)) => {
                return Err(D::Error::custom("a reply has `json` or `body`, not both"));
            }
            (Some(json), None) => Body::Json(json.get().to_owned()),
            (None, text) => Body::Text(text.unwrap_or_default()),
        };
        Ok(Self {
            status,
            headers,
            body,
        })
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(None)?;
        object.serialize_entry("status", &self.status.as_u16())?;
        let headers: BTreeMap<_, _> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        if !headers.is_empty() {
            object.serialize_entry("headers", &headers)?;
        }
        match &self.body {
            Body::Json(text) => match RawValue::from_string(text.clone()) {
                Ok(json) => object.serialize_entry("json", &json)?,
                Err(_) => object.serialize_entry("body", text)?,
            },
            Body::Text(text) if text.is_empty() => {}
            Body::Text(text) => object.serialize_entry("body", text)?,
        }
        object.end()
    }
}
