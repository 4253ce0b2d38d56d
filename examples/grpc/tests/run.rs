//! The program, as it is run.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[tokio::test(flavor = "multi_thread")]
async fn it_happens_as_told() {
    examples_grpc::run().await.unwrap();
}
