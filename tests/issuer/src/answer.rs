//! Answers: JSON, and refusals in the shape of the real server's.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::encoding::uuid;
use crate::fault::FaultyBody;

pub(crate) type Answer = Response<FaultyBody>;

/// Status, error, and what it is about.
pub(crate) type Refused = (StatusCode, &'static str, &'static str);

/// What an answer, and a refusal in its body too, is found by in a log: the caller's own, or a new one.
pub(crate) struct RequestId(String);

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let own = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        Self(own.map_or_else(uuid, str::to_owned))
    }

    /// Puts it into the headers.
    pub(crate) fn mark(&self, mut answer: Answer) -> Answer {
        if let Ok(id) = HeaderValue::from_str(&self.0) {
            answer.headers_mut().insert(HEADER, id);
        }
        answer
    }

    pub(crate) fn problem(&self, status: StatusCode, error: &str, description: &str) -> Answer {
        let body = json!({
            "error": error,
            "error_description": description,
            "status": status.as_u16(),
            "request_id": self.0,
        });
        json_answer(status, body.to_string())
    }

    /// What an endpoint for clients has come to: never kept (RFC 6749 section 5.1, RFC 7662 section 2.2).
    pub(crate) fn to_client(&self, outcome: Result<Answer, Refused>) -> Answer {
        let mut answer = outcome.unwrap_or_else(|(status, error, description)| {
            let mut answer = self.problem(status, error, description);
            if status == StatusCode::UNAUTHORIZED {
                // RFC 9110 section 15.5.2, and RFC 6749 section 5.2: the scheme that a client uses.
                let challenge = HeaderValue::from_static("Basic realm=\"rampart\"");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            answer
        });
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    pub(crate) fn not_found(&self) -> Answer {
        self.mark(self.problem(StatusCode::NOT_FOUND, "not_found", "The requested resource was not found."))
    }
}

/// As the real server refuses a method: without a body.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut answer = Response::new(FaultyBody::whole(Bytes::new()));
    *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

pub(crate) fn json_answer(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(FaultyBody::whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
