//! Bodies that are long, slow, or never whole.

use std::io::ErrorKind;

use rampart_conformance::wire::Connection;

use crate::Ground;
use crate::world::{Answer, FORM, LOGOUT, World, done, failed, post, refused};

/// Bytes of the longest body that is read.
const LONGEST: usize = 64 * 1024;
const MIB: usize = 1024 * 1024;

fn too_long() -> Answer {
    failed(413, "invalid_request", "The logout request is too long")
}

fn form(world: &World) -> String {
    format!("logout_token={}&padding=", world.logout().sign().unwrap())
}

fn head(lines: &[&str]) -> String {
    [&[&*format!("POST {LOGOUT} HTTP/1.1\r\nHost: api.test\r\n{FORM}")], lines, &["\r\n"]].concat().join("\r\n")
}

fn padded(form: &str, length: usize) -> String {
    format!("{form}{}", "x".repeat(length - form.len()))
}

/// One chunk after another, all in one piece.
fn chunked(body: &str) -> Vec<u8> {
    let mut bytes = head(&["Transfer-Encoding: chunked"]).into_bytes();
    for chunk in body.as_bytes().chunks(4000) {
        bytes.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

pub(crate) fn rv25_longest_body_is_read_and_no_longer_one(ground: Ground) {
    let world = World::new(ground);
    let form = form(&world);
    let ask = |request: &[u8]| world.shown(&world.connect().ask(request).unwrap());
    let with_length = |length: usize| post(LOGOUT, &[FORM], &padded(&form, length));
    for length in [LONGEST + 1, MIB] {
        assert_eq!(ask(&with_length(length)), too_long(), "{length}");
        assert_eq!(ask(&chunked(&padded(&form, length))), too_long(), "{length}, chunked");
    }
    world.nothing_is_revoked("by what was not read");
    assert_eq!(ask(&with_length(LONGEST)), done());
    assert_eq!(ask(&chunked(&padded(&form, LONGEST))), done());
    assert!(!world.passes(&world.access()));
}

/// Of the body no more is sent than Rocket looks at before any handler.
pub(crate) fn rv25_length_that_is_too_long_is_not_waited_for(ground: Ground) {
    let world = World::new(ground);
    for length in [LONGEST + 1, MIB, usize::MAX >> 1] {
        let mut connection = world.connect();
        let request = head(&[&format!("Content-Length: {length}")]) + "logout_token=x";
        let reply = connection.ask(request.as_bytes()).unwrap();
        assert_eq!(world.shown(&reply), too_long(), "{length}");
        // Nor is what comes then taken for a further request.
        is_over(&mut connection);
    }
}

/// The server reads no further request.
fn is_over(connection: &mut Connection) {
    let next = connection.ask(b"GET /me HTTP/1.1\r\nHost: api.test\r\n\r\n");
    let is_closed = |kind| !matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::InvalidData);
    assert!(next.as_ref().is_err_and(|error| is_closed(error.kind())), "{next:?}");
}

pub(crate) fn rv25_body_without_end_is_read_to_its_limit_alone(ground: Ground) {
    let world = World::new(ground);
    let mut connection = world.connect();
    let begun = form(&world);
    let begun = format!("{:x}\r\n{begun}\r\n", begun.len());
    let chunk = format!("{MIB:x}\r\n{}\r\n", "x".repeat(MIB));
    connection.send((head(&["Transfer-Encoding: chunked"]) + &begun).as_bytes()).unwrap();
    // What the network holds on its way is a few of them.
    let sent = (0..64).take_while(|_| connection.send(chunk.as_bytes()).is_ok()).count();
    // actix-web has answered, and throws away what still comes.
    assert!(sent < 64 || ground.framework.name == "actix", "the server has read it all");
    assert_eq!(world.shown(&connection.receive(false).unwrap()), too_long());
    world.nothing_is_revoked("by what was not read");
}

/// On the server's own clock, which goes ahead where everybody waits.
pub(crate) fn rv25_body_that_does_not_come_is_waited_for_ten_seconds(ground: Ground) {
    let (status, mut headers, body) = failed(408, "invalid_request", "The logout request has not come in time");
    headers.push(("x-took".to_owned(), "10".to_owned()));
    let expected = (status, headers, body);
    for line in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let world = World::new(ground);
        let form = form(&world);
        let begun = if line.starts_with('C') { form } else { format!("{:x}\r\n{form}\r\n", form.len()) };
        let request = head(&[line, "X-Pause: yes"]) + &begun;
        let mut connection = world.connect();
        let reply = connection.ask(request.as_bytes()).unwrap();
        assert_eq!(world.shown(&reply), expected, "{line}");
        is_over(&mut connection);
        assert_eq!(world.revocations.health().entries, 0, "{line}");
    }
}

pub(crate) fn rv25_body_that_breaks_off_or_is_malformed_signs_nobody_out(ground: Ground) {
    let world = World::new(ground);
    let form = form(&world);
    let unreadable = failed(400, "invalid_request", "The logout request cannot be read");
    // A whole token is there, but not the whole request.
    let mut connection = world.connect();
    connection.send((head(&["Content-Length: 10000"]) + &form).as_bytes()).unwrap();
    connection.finish().unwrap();
    assert_eq!(world.shown(&connection.receive(false).unwrap()), unreadable);
    let malformed = head(&["Transfer-Encoding: chunked"]) + &format!("{:x}\r\n{form}\r\nno length\r\n", form.len());
    assert_eq!(world.shown(&world.connect().ask(malformed.as_bytes()).unwrap()), unreadable);
    world.nothing_is_revoked("by half of a request");
    assert_eq!(world.post(LOGOUT, &[FORM], "logout_token=x"), refused(), "and the server goes on");
}

pub(crate) fn rv25_expectation_of_100_continue_is_met(ground: Ground) {
    let world = World::new(ground);
    let form = form(&world);
    let mut connection = world.connect();
    let length = format!("Content-Length: {}", form.len());
    connection.send(head(&[&length, "Expect: 100-continue"]).as_bytes()).unwrap();
    assert_eq!(connection.receive(false).unwrap().status, 100);
    connection.send(form.as_bytes()).unwrap();
    assert_eq!(world.shown(&connection.receive(false).unwrap()), done());
}
