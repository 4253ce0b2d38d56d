//! Which bodies can be sent again.

/// Copies the body of a request before it is sent, so that it can be sent once more after a rejection.
///
/// Implemented by [`CloneBody`], [`NoResend`] and closures of the form `Fn(&B) -> Option<B>`.
pub trait ResendBody<B> {
    /// A body with the same bytes. `None`: it can be sent once only, and the rejection is the caller's answer.
    ///
    /// Called once a request, before its first attempt, whether or not a second one follows: it should be cheap.
    fn copy(&self, body: &B) -> Option<B>;
}

/// Clones the body: for bodies in memory, as `http_body_util::Full`, `Empty`, `Bytes` and `String` are.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloneBody;

impl<B: Clone> ResendBody<B> for CloneBody {
    fn copy(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

/// Sends no body twice: for streams. A rejected token is replaced for the next request all the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoResend;

impl<B> ResendBody<B> for NoResend {
    fn copy(&self, _: &B) -> Option<B> {
        None
    }
}

impl<B, F: Fn(&B) -> Option<B>> ResendBody<B> for F {
    fn copy(&self, body: &B) -> Option<B> {
        self(body)
    }
}
