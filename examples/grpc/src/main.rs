//! The program around [`examples_grpc::run`].

use anyhow::Result;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    examples_grpc::run().await
}
