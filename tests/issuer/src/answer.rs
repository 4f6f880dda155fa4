//! Answers: JSON, and refusals in the shape of the real server's.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::encoding::uuid;
use crate::fault::FaultyBody;

pub(crate) type Answer = Response<FaultyBody>;

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
