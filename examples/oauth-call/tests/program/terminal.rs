//! What is different on a terminal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Stdio;

use oauth_testkit::Reply;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::{command, start};

/// What a terminal shows that is the output of the program.
fn shown(mut command: std::process::Command) -> String {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&near, size).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap().into_string().unwrap();
    let far = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    command
        .env("TERM", "xterm")
        .stdout(Stdio::from(far.try_clone().unwrap()))
        .stderr(Stdio::from(far));
    let mut child = command.spawn().unwrap();
    // With it go its ends of the terminal, so that reading ends with the program: as an error, on Linux.
    drop(command);
    let mut bytes = Vec::new();
    let _ = File::from(near).read_to_end(&mut bytes);
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn many_calls_show_how_far_they_are_and_few_do_not() {
    let server = start();
    let url = server.api_url();
    let bar = shown(command(&server, "reqwest", &["-n", "60", &url]));
    assert!(bar.contains("/60 calls"), "{bar:?}");
    assert!(bar.contains("60 calls, 1 token requests"), "{bar:?}");
    let none = shown(command(&server, "reqwest", &["-n", "49", &url]));
    assert!(!none.contains("/49 calls"), "{none:?}");
}

#[test]
fn a_body_without_a_last_line_end_gets_one() {
    let server = start();
    for body in ["abc", "abc\n"] {
        server.always_api_reply(Reply::status(200).body(body));
        let shown = shown(command(&server, "reqwest", &[&server.api_url()]));
        assert_eq!(shown, "abc\r\n");
    }
}
