//! What a case is: a request, and the one answer to it.

use std::ops::RangeInclusive;

use crate::credentials::{Credentials, Input};

/// The application that is asked. All have the same routes; they differ in their auth object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    /// All defaults.
    Plain,
    /// Other audience, required claim, `at+jwt` only; realm and metadata of its own.
    Strict,
    /// The routes of `Strict`, within a layer of `Plain`.
    StrictWithinPlain,
    /// Claims stand elsewhere than in a Rampart token, or are missing.
    Elsewhere,
    /// The issuer cannot be reached.
    Down,
    /// Two issuers, of which the second may grant little.
    Several,
    /// A tenant of Microsoft Entra, which shares its keys with all the others.
    Tenants,
    /// Guards, but no auth object.
    NotConfigured,
    /// As `Plain`, with the framework's usual CORS middleware outside.
    Cors,
    /// Tokens may be bound to a key of their sender, whose proofs are looked at.
    Dpop,
    /// No other tokens pass.
    DpopRequired,
    /// As `Dpop`, and each proof holds a nonce.
    DpopNonces,
    /// Its issuer is asked about opaque tokens.
    Opaque,
    /// As `Opaque`, of an issuer that checks for whom a token is.
    OpaqueChecked,
    /// As `Opaque`, with tokens of a certain form, and claims that stand elsewhere.
    OpaqueElsewhere,
    /// As `EveryToken`, and tokens may be bound to a key of their sender.
    OpaqueDpop,
    /// Its issuer is asked about every token.
    EveryToken,
    /// As `Opaque`, and the answers must be signed.
    SignedAnswers,
    /// Some tokens, sessions, users, clients and issuers are revoked.
    Revoked,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The core and the frameworks.
    Everywhere,
    /// The frameworks: the case is about HTTP itself.
    OverHttp,
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name, unique in the suite.
    pub name: &'static str,
    /// The application.
    pub app: App,
    /// Who is asked.
    pub reach: Reach,
    /// The method.
    pub method: &'static str,
    /// The request target.
    pub target: &'static str,
    /// The value of `Host`.
    pub host: &'static str,
    /// The `Authorization` values, in their order.
    pub authorization: Vec<Vec<u8>>,
    /// Further lines of the head, without their line ends, before the `Authorization` values.
    pub lines: Vec<Vec<u8>>,
    /// What is shown besides, made anew each time: a request for each of them. None for one request without anything besides.
    pub inputs: Vec<Input>,
    /// The body.
    pub body: &'static str,
    /// Whether the server may close the connection after its answer.
    pub may_close: bool,
    /// The answer.
    pub expected: Expected,
    /// Frameworks that answer otherwise, and why they may.
    pub exceptions: Vec<Exception>,
}

/// A framework that answers otherwise.
#[derive(Clone, Debug)]
pub struct Exception {
    /// The framework.
    pub framework: &'static str,
    /// Why it may.
    pub why: &'static str,
    /// Its answer.
    pub expected: Expected,
}

/// What must come back.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Exactly this.
    Exactly(Answer),
    /// The server may stop the request before the application sees it: no handler runs, and the status is one of these. A
    /// connection that is closed without an answer counts as the status 0.
    NoHandler(&'static [u16]),
}

/// An exact answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The contract's headers, and no others of them.
    pub headers: Vec<(&'static str, Text)>,
    /// Whether the headers come in this order, on frameworks that keep an order at all.
    pub ordered: bool,
    /// The body.
    pub body: String,
}

/// The value of a header.
#[derive(Clone, Debug)]
pub enum Text {
    /// Exactly this.
    Is(String),
    /// Whole seconds in this range.
    Seconds(RangeInclusive<u64>),
    /// Anything but nothing: a nonce is another each time.
    Anything,
}

impl Text {
    /// Whether a value is what it should be.
    pub fn fits(&self, value: &str) -> bool {
        match self {
            Self::Is(expected) => value == expected,
            Self::Seconds(range) => value.parse().is_ok_and(|seconds: u64| range.contains(&seconds)),
            Self::Anything => !value.is_empty(),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Is(text.to_owned())
    }
}

/// The headers that an answer is compared by.
pub const CONTRACT: [&str; 6] =
    ["content-type", "cache-control", "www-authenticate", "retry-after", "vary", "dpop-nonce"];

impl Case {
    /// A `GET` without credentials, asked everywhere.
    pub fn get(name: &'static str, target: &'static str) -> Self {
        Self {
            name,
            app: App::Plain,
            reach: Reach::Everywhere,
            method: "GET",
            target,
            host: "api.test",
            authorization: Vec::new(),
            lines: Vec::new(),
            inputs: Vec::new(),
            body: "",
            may_close: false,
            expected: Expected::NoHandler(&[]),
            exceptions: Vec::new(),
        }
    }

    /// The same of another route.
    #[must_use]
    pub fn at(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    /// Asked of another application.
    #[must_use]
    pub fn of(mut self, app: App) -> Self {
        self.app = app;
        self
    }

    /// What is shown, made anew each time: one request for each.
    #[must_use]
    pub fn each(mut self, inputs: impl IntoIterator<Item = Input>) -> Self {
        self.inputs.extend(inputs);
        self
    }

    /// Another `Host`, which only HTTP knows of.
    #[must_use]
    pub fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self.over_http()
    }

    /// An `Authorization` value.
    #[must_use]
    pub fn value(mut self, value: impl AsRef<[u8]>) -> Self {
        self.authorization.push(value.as_ref().to_owned());
        self
    }

    /// A bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.value(format!("Bearer {token}"))
    }

    /// Another method, which only HTTP knows of.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self.over_http()
    }

    /// A line of the head, which only HTTP knows of.
    #[must_use]
    pub fn line(mut self, line: impl AsRef<[u8]>) -> Self {
        self.lines.push(line.as_ref().to_owned());
        self.over_http()
    }

    /// A form as the body, which only HTTP knows of.
    #[must_use]
    pub fn form(mut self, body: &'static str) -> Self {
        self.body = body;
        self.method("POST").line("Content-Type: application/x-www-form-urlencoded")
    }

    /// The server may close the connection after its answer.
    #[must_use]
    pub fn may_close(mut self) -> Self {
        self.may_close = true;
        self
    }

    /// Not asked of the core.
    #[must_use]
    pub fn over_http(mut self) -> Self {
        self.reach = Reach::OverHttp;
        self
    }

    /// The answer.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.expected = Expected::Exactly(answer);
        self
    }

    /// The handler's answer, with this body.
    #[must_use]
    pub fn passes(self, body: &str) -> Self {
        self.answers(Answer {
            status: 200,
            headers: vec![("content-type", "text/plain; charset=utf-8".into())],
            ordered: false,
            body: body.to_owned(),
        })
    }

    /// No handler runs, whatever the server answers of these.
    #[must_use]
    pub fn reaches_no_handler(mut self, statuses: &'static [u16]) -> Self {
        self.expected = Expected::NoHandler(statuses);
        self.over_http()
    }

    /// A framework that answers otherwise than it stands so far; `self` is changed by `expected` for it alone.
    #[must_use]
    pub fn except(mut self, framework: &'static str, why: &'static str, expected: impl FnOnce(Self) -> Self) -> Self {
        let expected = expected(self.clone()).expected;
        self.exceptions.push(Exception { framework, why, expected });
        self
    }

    /// What this subject must answer.
    pub fn expected_of(&self, subject: &str) -> &Expected {
        let exception = self.exceptions.iter().find(|exception| exception.framework == subject);
        exception.map_or(&self.expected, |exception| &exception.expected)
    }

    /// The same with one input at most, as often as there are inputs.
    pub fn requests(&self) -> impl Iterator<Item = Self> {
        let count = self.inputs.len().max(1);
        (0..count).map(|at| Self { inputs: self.inputs.get(at).cloned().into_iter().collect(), ..self.clone() })
    }

    /// Its name, and what is shown where there are several.
    pub fn title(&self) -> String {
        let inputs: Vec<_> = self.inputs.iter().map(|input| input.what.as_str()).collect();
        if inputs.is_empty() { self.name.to_owned() } else { format!("{} ({})", self.name, inputs.join(", ")) }
    }

    /// What one request shows.
    pub fn credentials(&self) -> Credentials {
        let mut all =
            Credentials { authorization: self.authorization.clone(), proofs: Vec::new(), lines: self.lines.clone() };
        for Credentials { authorization, proofs, lines } in self.inputs.iter().map(Input::make) {
            all.authorization.extend(authorization);
            all.proofs.extend(proofs);
            all.lines.extend(lines);
        }
        all
    }

    /// A request, as it goes over the wire. `mark` tells the handlers which request it is.
    pub fn request(&self, mark: &str) -> Vec<u8> {
        self.request_with(mark, &self.credentials())
    }

    /// The same with these credentials.
    pub fn request_with(&self, mark: &str, credentials: &Credentials) -> Vec<u8> {
        let Self { method, target, host, body, .. } = self;
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Case: {mark}\r\n");
        if !body.is_empty() {
            bytes.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        [bytes.as_bytes(), &credentials.head(), b"\r\n", body.as_bytes()].concat()
    }
}
