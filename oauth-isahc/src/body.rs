//! Bodies that can be sent twice.

use std::io::Read;

use futures_util::FutureExt;
use futures_util::io::AsyncReadExt;
use isahc::{AsyncBody, Body};

/// A body of isahc's, synchronous or not. A copy of one in memory is made before it is sent, since isahc takes it
/// for good.
pub(crate) trait Repeatable: Sized {
    /// A copy, unless the body is a stream, which can be read once only.
    fn copy(&mut self) -> Option<Self>;
}

impl Repeatable for Body {
    fn copy(&mut self) -> Option<Self> {
        // Only what is in memory can be reset.
        if self.is_empty() || !self.reset() {
            return self.is_empty().then(Self::empty);
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).ok()?;
        self.reset().then(|| bytes.into())
    }
}

impl Repeatable for AsyncBody {
    fn copy(&mut self) -> Option<Self> {
        if self.is_empty() || !self.reset() {
            return self.is_empty().then(Self::empty);
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).now_or_never()?.ok()?;
        self.reset().then(|| bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mut body: Body) -> String {
        let mut text = String::new();
        body.read_to_string(&mut text).unwrap();
        text
    }

    fn text_async(mut body: AsyncBody) -> String {
        let mut text = String::new();
        let read = body.read_to_string(&mut text).now_or_never();
        read.unwrap().unwrap();
        text
    }

    #[test]
    fn a_body_in_memory_is_copied_whole_and_stays_whole() {
        let mut body = Body::from("abc");
        assert_eq!(text(body.copy().unwrap()), "abc");
        assert_eq!(text(body), "abc");
        let mut body = AsyncBody::from("abc");
        assert_eq!(text_async(body.copy().unwrap()), "abc");
        assert_eq!(text_async(body), "abc");
    }

    #[test]
    fn no_body_stays_none_and_an_empty_one_a_body() {
        assert!(Body::empty().copy().unwrap().is_empty());
        assert!(AsyncBody::empty().copy().unwrap().is_empty());
        assert!(!Body::from("").copy().unwrap().is_empty());
        assert!(!AsyncBody::from("").copy().unwrap().is_empty());
    }

    #[test]
    fn a_stream_is_not_copied_nor_read() {
        let mut body = Body::from_reader(&b"abc"[..]);
        assert!(body.copy().is_none());
        assert_eq!(text(body), "abc");
        let mut body = AsyncBody::from_reader(&b"abc"[..]);
        assert!(body.copy().is_none());
        assert_eq!(text_async(body), "abc");
    }
}
