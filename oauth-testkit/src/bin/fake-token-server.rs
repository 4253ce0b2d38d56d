//! A fake OAuth 2.0 token server as a program: `fake-token-server --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    oauth_testkit::program::run()
}
