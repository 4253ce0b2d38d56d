//! The replies an endpoint was told to give.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::reply::Reply;
use crate::sync::lock;

#[derive(Debug, Default)]
pub(crate) struct Script {
    replies: Mutex<Replies>,
}

#[derive(Debug, Default)]
struct Replies {
    next: VecDeque<Reply>,
    always: Option<Reply>,
}

impl Script {
    pub(crate) fn push(&self, reply: Reply) {
        lock(&self.replies).next.push_back(reply);
    }

    pub(crate) fn set_always(&self, reply: Reply) {
        lock(&self.replies).always = Some(reply);
    }

    pub(crate) fn reset(&self) {
        *lock(&self.replies) = Replies::default();
    }

    /// The reply for the request at hand.
    pub(crate) fn take(&self) -> Reply {
        let mut replies = lock(&self.replies);
        replies
            .next
            .pop_front()
            .or_else(|| replies.always.clone())
            .unwrap_or_else(Reply::usual)
    }
}
