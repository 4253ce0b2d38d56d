//! The program around [`examples_proxy::run`].

use anyhow::Result;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    examples_proxy::run().await
}
