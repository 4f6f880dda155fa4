//! The answer of a token endpoint, to the real client over a real socket: the input is the body of a 200, or the whole
//! answer where it begins with `HTTP/`.
#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use rampart_core_fuzz::endpoint::{Endpoint, SECRET};
use serde_json::value::RawValue;

thread_local! {
    static ENDPOINT: RefCell<Endpoint> = RefCell::new(Endpoint::start());
}

fuzz_target!(|data: &[u8]| {
    let is_body = !data.starts_with(b"HTTP/");
    let answer = if is_body {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        [format!("{head}content-length: {}\r\n\r\n", data.len()).as_bytes(), data].concat()
    } else {
        data.to_vec()
    };
    match ENDPOINT.with_borrow_mut(|endpoint| endpoint.ask(answer)) {
        Ok(token) => {
            let text = token.access_token.expose();
            let is_b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            assert!(!text.is_empty() && text.bytes().all(is_b64token));
            assert!(token.token_type.eq_ignore_ascii_case("Bearer"));
            if is_body {
                // RFC 6749 section 5.1: a member of an object; those that nobody asks for may hold anything.
                let members: BTreeMap<String, &RawValue> =
                    serde_json::from_slice(data).expect("accepted, so an object");
                assert_eq!(serde_json::from_str::<String>(members["access_token"].get()).expect("a string"), text);
            }
            let is_repeated = token.scope.contains(text) || text.len() < 16;
            assert!(is_repeated || !format!("{token:?}").contains(text));
        }
        Err(error) => {
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(!shown.contains(SECRET) && shown.len() < 2000, "{shown}");
                assert!(!shown.contains(char::is_control), "{shown}");
            }
        }
    }
});
