//! The future of an authorized request.

use std::borrow::Borrow;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Extensions;
use oauth_core::{Authorizer, Exchange};
use reqwest::{Client, Request, Response};

use crate::error::Error;
use crate::exchange::{Attempt, Spare, Start, conclude, leave, says_resend};

/// A request that is authorized and sent when it is polled.
///
/// Written by hand, since the compiler gives each stage of an `async fn` room of its own, and such a future is copied as
/// a whole on its way to where it is polled: that took more time than the authorization.
pub(crate) struct Sending<'a, B, A, F> {
    /// What is to be done first.
    begin: Option<B>,
    stage: Stage<'a, A, F>,
}

/// Where a request is.
pub(crate) enum Stage<'a, A, F> {
    Unsent,
    Sent(Client, Attempt<A, F>),
    /// What few requests need: to wait for a token, or to be sent again.
    Slow(Slow<'a>),
}

type Slow<'a> = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>>;

impl<'a, B, A, F> Sending<'a, B, A, F>
where
    B: FnOnce() -> Result<Stage<'a, A, F>, Error>,
{
    pub(crate) fn new(begin: B) -> Self {
        Self {
            begin: Some(begin),
            stage: Stage::Unsent,
        }
    }
}

/// Authorizes a request and sends it, unless it has to wait for its token. (That reqwest's future is `Unpin` shows in its
/// behaviour only: it is a box.)
pub(crate) fn begin<'a, A, E>(
    http: Client,
    authorizer: A,
    extensions: E,
    request: Request,
) -> Result<Stage<'a, A, impl Future<Output = reqwest::Result<Response>> + Send + Unpin>, Error>
where
    A: Borrow<Authorizer> + Send + Sync + 'a,
    E: Borrow<Extensions> + Send + 'a,
{
    let start = Attempt::start(authorizer, extensions, request, |request, _| {
        http.execute(request)
    });
    Ok(match start? {
        Start::Sent(attempt) => Stage::Sent(http, attempt),
        Start::Waits(waiting) => Stage::Slow(Box::pin(async move {
            let sent = waiting.sent(|request, _| http.execute(request)).await?;
            let Attempt {
                exchange,
                spare,
                answer,
            } = sent;
            heal(http, exchange, spare, answer.await?).await
        })),
    })
}

impl<'a, B, A, F> Future for Sending<'a, B, A, F>
where
    B: FnOnce() -> Result<Stage<'a, A, F>, Error> + Unpin,
    A: Borrow<Authorizer> + Send + Sync + Unpin + 'a,
    F: Future<Output = reqwest::Result<Response>> + Unpin,
{
    type Output = Result<Response, Error>;

    #[expect(
        clippy::panic,
        reason = "as a future of the compiler's, which hides no caller's mistake"
    )]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(begin) = self.begin.take() {
            self.stage = begin()?;
        }
        if let Stage::Sent(_, attempt) = &mut self.stage {
            let answer = ready!(Pin::new(&mut attempt.answer).poll(cx));
            let concerns = |answer: &Response| attempt.exchange.concerns(answer.status());
            if !answer.as_ref().is_ok_and(concerns) {
                self.stage = Stage::Unsent;
                return Poll::Ready(answer.map_err(Error::from));
            }
            if let Stage::Sent(http, attempt) = mem::replace(&mut self.stage, Stage::Unsent) {
                let healed = heal(http, attempt.exchange, attempt.spare, answer?);
                self.stage = Stage::Slow(Box::pin(healed));
            }
        }
        match &mut self.stage {
            Stage::Slow(slow) => slow.as_mut().poll(cx),
            _ => panic!("a request was polled once more after it was over"),
        }
    }
}

/// Sends the request once more if the answer says so, and a new token comes: else the answer is the caller's.
async fn heal<A: Borrow<Authorizer>>(
    http: Client,
    mut exchange: Exchange<A>,
    spare: Option<Spare>,
    mut answer: Response,
) -> Result<Response, Error> {
    let resends = says_resend(&mut exchange, &answer);
    let spare = spare.filter(|_| resends).and_then(Spare::request);
    let Some(mut request) = spare else {
        return Ok(answer);
    };
    if let Err(error) = exchange.authorize(request.headers_mut()).await {
        leave(error, &mut answer);
        return Ok(answer);
    }
    let mut response = http.execute(request).await?;
    conclude(exchange, &mut response);
    Ok(response)
}
