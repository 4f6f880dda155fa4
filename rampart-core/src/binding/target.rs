//! Which address a proof names, and whether it is the one that was called (RFC 9449 section 4.3, items 8 and 9).
//!
//! Both are compared in normal form (RFC 3986 sections 6.2.2 and 6.2.3). The parser is strict and mends nothing: one that follows browsers
//! turns `https:host`, back slashes and fullwidth letters into the address that they look like, and a proof must name that address itself.

use std::fmt;

use rampart_http::{ConfigError, EndpointUrl, checked_text};

use super::path::{is_free_of_dot_segments, normal};
use super::uri::{self, Host, Origin, Parts, default_port};

/// This API as its callers see it: configuration, as whatever a request says of its own address is chosen by its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    origin: Origin<String>,
    /// What a proxy takes off each path: in normal form, empty or with a slash before it, none after it.
    prefix: String,
}

impl PublicUrl {
    /// Of a setting whose path is a prefix that a proxy strips.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] that names `field` and the remedy.
    pub(crate) fn parse(field: &'static str, url: &str) -> Result<Self, ConfigError> {
        let parts = checked_parts(field, url)?;
        if !parts.rest.is_empty() {
            return Err(ConfigError::invalid(
                field,
                "holds a query or a fragment; remove the ? or # and what follows, as callers add their own",
            ));
        }
        let origin = checked_origin(field, url, &parts)?;
        let normal = normal(parts.path_or_root()).ok_or_else(|| {
            ConfigError::invalid(
                field,
                "has a character in its path that no path can have, or a % without two hexadecimal digits after it; write it as callers send it",
            )
        })?;
        let prefix = normal.strip_suffix('/').unwrap_or(&normal);
        if prefix.ends_with('/') || prefix.contains("//") {
            return Err(ConfigError::invalid(field, "has two slashes in a row in its path; write one"));
        }
        Ok(Self { origin, prefix: prefix.to_owned() })
    }

    /// Whether `htu` names the address that was called: this origin, the prefix, and `path`, which is what the client sent without its
    /// query. Query and fragment of `htu` do not count.
    ///
    /// Dot segments of `path` end at the prefix: what a proxy lets through below it is this API's, and a proof for another path of the
    /// same host is none for it.
    pub(crate) fn is_target(&self, htu: &str, path: &str) -> bool {
        let Some(named) = Parts::of(htu) else { return false };
        path.len() <= uri::LONGEST
            && named.origin().is_some_and(|origin| self.origin.is_same(&origin))
            && (self.is_path_as_written(named.path_or_root(), path) || self.is_path(named.path_or_root(), path))
    }

    /// Without normalizing, and so without allocating: sure where it says yes.
    fn is_path_as_written(&self, named: &str, path: &str) -> bool {
        named.strip_prefix(&*self.prefix) == Some(path) && is_free_of_dot_segments(path)
    }

    fn is_path(&self, named: &str, path: &str) -> bool {
        let (Some(named), Some(path)) = (normal(named), normal(path)) else { return false };
        match named.strip_prefix(&*self.prefix) {
            // The prefix itself, as MCP endpoints are called: a proxy that strips it leaves nothing, which is sent on as `/`.
            Some("") => path == "/",
            rest => rest == Some(&*path),
        }
    }
}

/// As clients write it.
impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { is_https, host, port } = &self.origin;
        write!(f, "{}://", if *is_https { "https" } else { "http" })?;
        match host {
            Host::Name(name) => f.write_str(name)?,
            Host::V6(address) => write!(f, "[{address}]")?,
        }
        if *port != default_port(*is_https) {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.prefix)
    }
}

fn checked_parts<'u>(field: &'static str, url: &'u str) -> Result<Parts<'u>, ConfigError> {
    checked_text(field, url)?;
    let Some(parts) = Parts::of(url) else {
        let problem = match EndpointUrl::parse(field, url, true) {
            Ok(url) => format!("is not written as clients send it; write {}", url.without_query()),
            Err(_) => "is not an absolute http(s) URL; write it in full, such as https://api.example.com".into(),
        };
        return Err(ConfigError::invalid(field, problem));
    };
    if parts.authority.contains('@') {
        return Err(ConfigError::invalid(field, "holds user information; remove what stands before the @"));
    }
    Ok(parts)
}

fn checked_origin(field: &'static str, url: &str, parts: &Parts<'_>) -> Result<Origin<String>, ConfigError> {
    let endpoint = EndpointUrl::parse(field, url, true)?;
    let Some(origin) = parts.origin() else {
        return Err(ConfigError::invalid(
            field,
            "has a host or a port that no client sends so; write a plain name or address, and the port without zeros before it",
        ));
    };
    let host = match origin.host {
        Host::Name(name) => {
            let host = endpoint.as_url().host_str().unwrap_or_default();
            // Other spellings of an IPv4 address: clients send the usual one.
            if !host.eq_ignore_ascii_case(name) {
                return Err(ConfigError::invalid(
                    field,
                    format!("has a host that clients send as {host}; write it so"),
                ));
            }
            Host::Name(name.to_ascii_lowercase())
        }
        Host::V6(address) => Host::V6(address),
    };
    if !origin.is_https && !endpoint.is_loopback() {
        return Err(ConfigError::invalid(
            field,
            "is http to another machine, so anybody on the way could read the tokens; write the https URL that callers use",
        ));
    }
    Ok(Origin { is_https: origin.is_https, host, port: origin.port })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::binding::path::generated::{cases, paths};

    fn api(url: &str) -> PublicUrl {
        PublicUrl::parse("public_url", url).unwrap()
    }

    fn assert_targets<'h>(api: &PublicUrl, path: &str, htus: impl IntoIterator<Item = &'h str>) {
        for htu in htus {
            assert!(api.is_target(htu, path), "{htu:?} names {path:?} of {api}");
        }
    }

    fn assert_strangers<'h>(api: &PublicUrl, path: &str, htus: impl IntoIterator<Item = &'h str>) {
        for htu in htus {
            assert!(!api.is_target(htu, path), "{htu:?} does not name {path:?} of {api}");
        }
    }

    #[test]
    fn query_and_fragment_do_not_count() {
        let own = api("https://api.example");
        for rest in ["", "?", "#", "?a=1", "?a=%zz/../x", "#top", "?a=1#top", "#top?a=/other", "?http://other/"] {
            let htu = format!("https://api.example/orders{rest}");
            assert_targets(&own, "/orders", [&*htu]);
            assert_strangers(&own, "/other", [&*htu]);
        }
        assert_strangers(&own, "/orders", ["https://api.example/?/orders", "https://api.example#/orders"]);
        // What is no URI (RFC 3986 section 2) is none there, either.
        assert_strangers(&own, "/orders", ["https://api.example/orders?\u{e9}", "https://api.example/orders?a b"]);
    }

    #[test]
    fn spellings_of_one_address_are_equal_in_both_directions() {
        let own = api("https://api.example");
        let same = [
            "/orders /%6frders /%6Frders /a/../orders /./orders /../orders /a/%2e%2e/orders /a/.%2E/orders /%2e/orders",
            "/orders/ /orders/. /orders/x/.. /orders/%2e",
            "/orders%2F1 /orders%2f1",
            "/ /. /.. /a/.. /a/../../..",
            "/caf%C3%A9 /caf%c3%a9 /%63af%c3%A9",
            "//orders /.//orders /a/..//orders",
            "/a//b /a/x/..//b /a//x/../b",
            "/%252e/~a-b_c.d /%252e/%7Ea%2Db%5fc%2ed",
            "/a;v=1,2:3@[4]|^'!$&()*+",
        ];
        for (row, spellings) in same.iter().enumerate() {
            for spelling in spellings.split(' ') {
                let htu = format!("https://api.example{spelling}");
                for (other, paths) in same.iter().enumerate() {
                    for path in paths.split(' ') {
                        assert_eq!(own.is_target(&htu, path), other == row, "{htu:?} for {path:?}");
                    }
                }
            }
        }
        for origin in "https://api.example HTTPS://API.EXAMPLE https://api.example:443 https://api.example:".split(' ')
        {
            assert_targets(&own, "/orders", [&*format!("{origin}/orders")]);
            assert_targets(&own, "/", [origin, &format!("{origin}?a"), &format!("{origin}#a")]);
            assert_targets(&api(origin), "/orders", ["https://api.example/orders"]);
        }
    }

    #[test]
    fn another_address_is_another_however_near_it_is() {
        let own = api("https://api.example");
        let near = "/Orders /orders/ //orders /orders;v=1 /orders%00 /orders%20 /orders%3B /order /orders/1";
        let reserved = "/orders%2F=/orders/ /a%3Bb=/a;b /a%40b=/a@b /a%7Cb=/a|b /a%3Fb=/a /a%5Cb=/a/b /%2E%2F=//";
        let pairs = near.split(' ').map(|path| (path, "/orders"));
        for (one, other) in pairs.chain(reserved.split(' ').filter_map(|pair| pair.split_once('='))) {
            assert_strangers(&own, other, [&*format!("https://api.example{one}")]);
            assert_strangers(&own, one, [&*format!("https://api.example{other}")]);
        }
        let ports = ":8443 :0443 :+443 :4_43 :65536 :65979 :443:443 :80 :0 :-443 :443a";
        for port in ports.split(' ') {
            assert_strangers(&own, "/orders", [&*format!("https://api.example{port}/orders")]);
        }
        let hosts = "api.example. other.example evil.api.example api.example.evil example api-example apiexample";
        for host in hosts.split(' ') {
            assert_strangers(&own, "/orders", [&*format!("https://{host}/orders")]);
            assert_strangers(&api(&format!("https://{host}")), "/orders", ["https://api.example/orders"]);
            assert_targets(&api(&format!("https://{host}")), "/orders", [&*format!("https://{host}/orders")]);
        }
        assert_strangers(&own, "/orders", ["http://api.example/orders", "http://api.example:443/orders"]);
        let other_port = api("https://api.example:8443");
        assert_targets(&other_port, "/orders", ["https://api.example:8443/orders"]);
        assert_strangers(&other_port, "/orders", ["https://api.example/orders", "https://api.example:/orders"]);
        let plain = api("http://localhost:80");
        assert_targets(&plain, "/", ["http://localhost", "HTTP://localhost:/", "http://LOCALHOST:80/"]);
        assert_strangers(&plain, "/", ["https://localhost", "https://localhost:80", "http://localhost:443"]);
    }

    #[test]
    fn what_is_no_http_url_names_nothing() {
        let words = r#"/orders //api.example/orders api.example/orders * wss://api.example/orders https+x://api.example/orders
            ://api.example/orders https://api.example/%zz https://api.example/orders% https://api.example/orders%2
            https://api.example/orders%+2 https://u@api.example/orders https://u:p@api.example/orders https://@api.example/orders
            https://api.example@/orders https:api.example/orders https:/api.example/orders https:///api.example/orders
            https:\\api.example\orders https://api.example\orders https://api.example/\orders https://api%2eexample/orders
            https://%61pi.example/orders https://[api.example]/orders https://api.example/"orders" https://api.example/{orders}
            https://api.example/é https://äpi.example/orders https://ａpi.example/orders https://api。example/orders"#;
        let spaced = [
            "",
            " https://api.example/orders",
            "https://api.example/orders ",
            "https://api\t.example/orders",
            "https://api.\nexample/orders",
            "https://api.example/ord\ters",
            "https://api.example/ord\ners",
            "https://api.example/orders\0",
        ];
        let own = api("https://api.example");
        let long = format!("https://api.example/orders?{}", "a".repeat(10 * 1024));
        for path in ["/orders", "/", "/%zz", "/orders%", "/\"orders\"", "/{orders}", "/\\orders", "/é"] {
            assert_strangers(&own, path, words.split_whitespace().chain(spaced).chain([&*long]));
        }
        assert_targets(&own, "/orders", ["https://api.example/orders"]);
    }

    #[test]
    fn ipv6_hosts_are_compared_as_addresses_and_ipv4_hosts_as_names() {
        let v6 = api("https://[::1]:8443");
        for host in "[::1] [0:0:0:0:0:0:0:1] [::0001] [0::1] [::0.0.0.1]".split(' ') {
            assert_targets(&v6, "/", [&*format!("https://{host}:8443/")]);
            assert_targets(&api(&format!("https://{host}:8443")), "/", ["https://[::1]:8443/"]);
        }
        let others = "[::1%25eth0] [::1%eth0] [::ffff:127.0.0.1] [::2] [::1 ::1 [] [v1.a] [::1]x [[::1]] u@[::1] 127.0.0.1 localhost";
        for host in others.split(' ') {
            assert_strangers(&v6, "/", [&*format!("https://{host}:8443/")]);
        }
        assert_strangers(&v6, "/", ["https://[::1]/", "https://[::1]8443/", "https://[::1]:08443/"]);
        assert_targets(&api("https://[2001:db8::AB]"), "/", ["https://[2001:DB8::ab]/"]);

        let v4 = api("http://127.0.0.1:3000");
        assert_targets(&v4, "/", ["http://127.0.0.1:3000/"]);
        for host in "0x7f.1 127.1 2130706433 0177.0.0.1 127.0.0.1. localhost [::ffff:127.0.0.1] [::1]".split(' ') {
            assert_strangers(&v4, "/", [&*format!("http://{host}:3000/")]);
        }
    }

    #[test]
    fn prefix_that_a_proxy_strips_is_a_part_of_the_address() {
        for url in ["https://api.example/v1", "https://api.example/v1/", "https://api.example/a/../%761"] {
            let own = api(url);
            assert_targets(
                &own,
                "/orders",
                ["https://api.example/v1/orders", "https://api.example/x/../v1/./%6frders?q"],
            );
            assert_strangers(&own, "/orders", ["https://api.example/orders", "https://api.example/v1orders"]);
            assert_strangers(&own, "/orders", ["https://api.example/V1/orders", "https://api.example/v1//orders"]);
            // One that comes unstripped.
            assert_targets(&own, "/v1/orders", ["https://api.example/v1/v1/orders"]);
            assert_strangers(&own, "/v1/orders", ["https://api.example/v1/orders"]);
            // Stripped of all, the path is `/`, whether the client sent a last slash or not.
            assert_targets(
                &own,
                "/",
                ["https://api.example/v1", "https://api.example/v1/", "https://api.example/v1?q"],
            );
            assert_strangers(&own, "/", ["https://api.example", "https://api.example/"]);
            assert_strangers(&own, "/orders", ["https://api.example/v1"]);
        }
    }

    #[test]
    fn dot_segments_of_a_request_end_at_the_prefix() {
        let own = api("https://api.example/v1");
        for path in ["/../admin", "/%2e%2e/admin", "/x/../../admin"] {
            assert_targets(&own, path, ["https://api.example/v1/admin"]);
            assert_strangers(&own, path, ["https://api.example/admin", "https://api.example/v1/../admin"]);
        }
    }

    #[test]
    fn request_without_a_path_has_no_address() {
        let own = api("https://api.example");
        let long = format!("/{}", "a".repeat(64 * 1024));
        let words = "* orders api.example:443 https://api.example/orders /é /a?b /a#b /% /%g0 /\\ /\u{7f} /\u{85}";
        for path in words.split(' ').chain(["", "/a b", "/a\tb", "/a\0", &long]) {
            let named = [format!("https://api.example{path}"), format!("https://api.example/{path}"), path.to_owned()];
            let others = ["https://api.example", "https://api.example/", "https://api.example/orders"];
            assert_strangers(&own, path, named.iter().map(String::as_str).chain(others));
        }
        let longest = format!("/{}", "a".repeat(uri::LONGEST - "https://api.example/".len()));
        assert_targets(&own, &longest, [&*format!("https://api.example{longest}")]);
        assert_strangers(&own, &format!("{longest}a"), [&*format!("https://api.example{longest}a")]);
    }

    #[test]
    fn address_that_is_named_as_it_was_called_costs_no_allocation() {
        for (url, path) in
            [("https://api.example", "/orders/17%C3%A9"), ("https://[::1]/v1", "/orders"), ("https://api.example", "/")]
        {
            let own = api(url);
            let htu = format!("{own}{path}?q");
            let cost = allocation_counter::measure(|| assert!(own.is_target(&htu, path)));
            assert_eq!(cost.count_total, 0, "{htu}");
            // The other way allocates, so it is counted at all.
            assert!(allocation_counter::measure(|| assert!(own.is_target(&htu, &format!("/.{path}")))).count_total > 0);
        }
    }

    #[test]
    fn settings_that_could_name_nothing_are_refused_with_the_remedy() {
        let absolute = "is not an absolute http(s) URL; write it in full, such as https://api.example.com";
        let query = "holds a query or a fragment; remove the ? or # and what follows, as callers add their own";
        let host = "has a host or a port that no client sends so; write a plain name or address, and the port without zeros before it";
        let path = "has a character in its path that no path can have, or a % without two hexadecimal digits after it; write it as callers send it";
        let slashes = "has two slashes in a row in its path; write one";
        let http = "is http to another machine, so anybody on the way could read the tokens; write the https URL that callers use";
        let refused = [
            ("", absolute),
            ("api.example", absolute),
            ("ftp://api.example", absolute),
            (
                "https://b\u{fc}cher.example/v1?q",
                "is not written as clients send it; write https://xn--bcher-kva.example/v1",
            ),
            ("https://u:hunter2@api.example", "holds user information; remove what stands before the @"),
            ("https://api.example?", query),
            ("https://api.example/#x", query),
            ("https://0x7f.1", "has a host that clients send as 127.0.0.1; write it so"),
            ("https://api.example:0443", host),
            ("https://api%2eexample", host),
            ("https://api.example/%zz", path),
            ("https://api.example//v1", slashes),
            ("https://api.example/v1//", slashes),
            ("http://api.example", http),
            ("http://10.0.0.1:3000", http),
        ];
        for (url, problem) in refused {
            assert_eq!(PublicUrl::parse("public_url", url), Err(ConfigError::invalid("public_url", problem)), "{url}");
        }
        let mended = r#"https:///api.example https:\\api.example https:// https://api.example/{id} "https://api.example" https://[::1%25eth0]
            https://api.example:65536 https://u:p@api.example http://api.example"#;
        for url in mended.split_whitespace().chain(["https://api.example\n"]) {
            assert_eq!(PublicUrl::parse("public_url", url).unwrap_err().field(), "public_url", "{url}");
        }
    }

    #[test]
    fn setting_is_shown_as_clients_write_it() {
        for url in "http://localhost:3000 http://127.0.0.1:3000 http://[::1]:3000 http://api.localhost:3000/v1 https://a_b.example./v1".split(' ') {
            assert_eq!(api(url).to_string(), url);
        }
        assert_eq!(api("HTTPS://API.Example:443/").to_string(), "https://api.example");
        assert_eq!(api("https://[0:0::1]:/v%31/").to_string(), "https://[::1]/v1");
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn each_address_names_itself_however_it_is_written(prefix in select(vec!["", "/v1"]), path in paths(), query in "([?#][a-z/?]{0,4})?") {
            let own = api(&format!("https://api.example{prefix}"));
            let normal = normal(&path).unwrap();
            let named = format!("{own}{normal}");
            prop_assert!(own.is_target(&named, &path) && own.is_target(&named, &normal));
            // As written, dot segments leave the prefix behind.
            let written = if prefix.is_empty() { path.clone() } else { normal };
            let named = format!("HTTPS://Api.Example:443{prefix}{written}{query}");
            prop_assert!(own.is_target(&named, &path), "{}", named);
        }

        #[test]
        fn two_addresses_are_equal_where_their_normal_forms_are(one in paths(), other in paths()) {
            let own = api("https://api.example");
            let named = format!("{own}{one}");
            prop_assert_eq!(own.is_target(&named, &other), normal(&one) == normal(&other));
        }

        /// The way without an allocation, against the one that normalizes.
        #[test]
        fn what_is_equal_as_written_is_equal_when_normalized(prefix in select(vec!["", "/v1"]), path in paths()) {
            let own = api(&format!("https://api.example{prefix}"));
            let named = format!("{prefix}{path}");
            prop_assert!(!own.is_path_as_written(&named, &path) || own.is_path(&named, &path));
        }

        #[test]
        fn any_text_is_judged(htu in any::<String>(), path in any::<String>()) {
            prop_assert!(!api("https://api.example").is_target(&htu, &path));
        }
    }
}
