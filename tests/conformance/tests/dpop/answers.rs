//! What handlers answer, by the last segment of the path.

/// The status, and the `Cache-Control` of the handler's own.
pub(crate) fn answer(what: &str) -> (u16, Option<&'static str>) {
    match what {
        "public" => (200, Some("public")),
        "max-age" => (200, Some("max-age=60")),
        "private" => (200, Some("private")),
        "no-store" => (200, Some("private, no-store")),
        "stream" => (200, None),
        status => (status.parse().unwrap(), None),
    }
}

/// Fields of a request that stand for others, as an application's own middleware may put them in their place.
pub(crate) const REPLACEMENTS: [(&str, &str); 2] = [("x-new-authorization", "authorization"), ("x-new-dpop", "dpop")];
