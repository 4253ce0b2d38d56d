//! Which bodies can be sent again.

use std::convert::Infallible;

/// Sees to it that a request can be sent once more after a rejection, body and all.
///
/// Implemented by [`CloneBody`], [`RecordBody`](crate::RecordBody), [`NoResend`] and closures of the form
/// `Fn(&B) -> Option<B>`, which copy a body before it is sent.
pub trait ResendBody<B> {
    /// What the second body is made of.
    type Kept: Send + 'static;

    /// The body to send, and what to make it anew of. `None`: it can be sent once only, and the rejection is the
    /// caller's answer.
    ///
    /// Called once a request, before its first attempt, whether or not a second one follows: it should be cheap.
    fn keep(&self, body: B) -> (B, Option<Self::Kept>);

    /// Whether, after a rejection, there is still enough for a second body. Without, no new token is waited for.
    fn is_whole(_kept: &Self::Kept) -> bool {
        true
    }

    /// A body with the same bytes. The first one, if it is still being sent, is given up.
    fn restore(kept: Self::Kept) -> Option<B>;
}

/// Clones the body: for bodies in memory, as `http_body_util::Full`, `Empty`, `Bytes` and `String` are.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloneBody;

impl<B: Clone + Send + 'static> ResendBody<B> for CloneBody {
    type Kept = B;

    fn keep(&self, body: B) -> (B, Option<B>) {
        let copy = body.clone();
        (body, Some(copy))
    }

    fn restore(copy: B) -> Option<B> {
        Some(copy)
    }
}

/// Sends no body twice. A rejected token is replaced for the next request all the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoResend;

impl<B> ResendBody<B> for NoResend {
    type Kept = Infallible;

    fn keep(&self, body: B) -> (B, Option<Infallible>) {
        (body, None)
    }

    fn restore(kept: Infallible) -> Option<B> {
        match kept {}
    }
}

impl<B: Send + 'static, F: Fn(&B) -> Option<B>> ResendBody<B> for F {
    type Kept = B;

    fn keep(&self, body: B) -> (B, Option<B>) {
        let copy = self(&body);
        (body, copy)
    }

    fn restore(copy: B) -> Option<B> {
        Some(copy)
    }
}
