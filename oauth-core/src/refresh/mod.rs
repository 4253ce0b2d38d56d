//! When to use a token, when to renew it, when to give up: pure functions of time.

pub(crate) mod backoff;
pub(crate) mod decision;
pub(crate) mod held;
pub(crate) mod lasting;
pub(crate) mod machine;
pub(crate) mod policy;
pub(crate) mod rejection;
pub(crate) mod status;
pub(crate) mod trouble;
pub(crate) mod under_way;
pub(crate) mod warmth;
