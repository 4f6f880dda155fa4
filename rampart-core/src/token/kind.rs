//! V12: an access token, and no other kind.

use rampart_http::json::Value;

use super::answer::Believed;
use super::confirmation::Confirmation;
use super::payload::Payload;
use super::rules::Rules;
use crate::claim_settings::Mark;
use crate::rule::{Refusal, Rule};

impl Payload<'_> {
    /// V12. `null` counts as absent for every mark.
    pub(super) fn check_kind(&self, rules: &Rules, is_at_jwt: bool) -> Result<(), Refusal> {
        let refuse = |why| Err(Refusal::invalid(Rule::V12, why));
        let typ = match &self.typ {
            None | Some(Value::Null) => None,
            Some(Value::Str(typ)) => Some(&**typ),
            Some(_) => return refuse("the payload's typ is not a string"),
        };
        let is = |kind: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(kind));
        // RFC 8417 section 2.2: an object, in security events and so in logout tokens.
        if self.events == Some(Value::Object) || is("Logout") {
            return refuse("events or typ says that this is a logout token, or another security event");
        }
        if is("Offline") {
            return refuse("typ says that this is a refresh token");
        }
        let marks = [&self.typ, &self.token_type, &self.token_type_camel, &self.kind];
        let mut texts =
            marks.into_iter().filter_map(|mark| if let Some(Value::Str(text)) = mark { Some(text) } else { None });
        if texts.any(|text| names_refresh_token(text)) {
            return refuse("typ, token_type, tokenType or type says that this is a refresh token");
        }
        let is_access = |token_use: &str| matches!(token_use, "access" | "access_token");
        let is_id = |token_use: &str| rules.accept_id_tokens && matches!(token_use, "id" | "id_token");
        match &self.token_use {
            None | Some(Value::Null) => {}
            Some(Value::Str(token_use)) if is_access(token_use) || is_id(token_use) => {}
            Some(Value::Str(token_use)) if matches!(&**token_use, "id" | "id_token") => {
                return refuse("token_use says that this is an ID token");
            }
            Some(_) if rules.accept_id_tokens => {
                return refuse("token_use is that of neither an access token nor an ID token");
            }
            Some(_) => return refuse("token_use is neither access nor access_token"),
        }
        if !rules.accept_id_tokens {
            let bears = |is_there: Option<bool>, mark| is_there == Some(true) && !rules.ignored_marks.contains(&mark);
            if bears(self.at_hash, Mark::AtHash) || bears(self.c_hash, Mark::CHash) || is("ID") {
                return refuse("at_hash, c_hash or typ says that this is an ID token");
            }
            if bears(self.nonce, Mark::Nonce) && !matches!(typ, Some("Bearer" | "DPoP")) && !is_at_jwt {
                return refuse("nonce is present, as in an ID token");
            }
        }
        Ok(())
    }

    /// V12 of what the issuer says of a token, which must say that it is an access token: servers call refresh tokens active too, as
    /// RFC 7662 section 2.2 lets them. An `aud` that says that it is for this API says so as well; what stands in for it does not, as
    /// the client that has asked for a token has asked for the refresh token too.
    pub(super) fn check_kind_of_answer(
        &self,
        rules: &Rules,
        believed: Believed,
        has_audience: bool,
    ) -> Result<(), Refusal> {
        let is_one_of = |value: &Option<Value<'_>>, known: &[&str]| matches!(value, Some(Value::Str(text)) if known.iter().any(|known| text.eq_ignore_ascii_case(known)));
        let typ = is_one_of(&self.typ, &["Bearer", "DPoP"]);
        let token_type = is_one_of(&self.token_type, &["Bearer", "DPoP"]);
        let token_use = is_one_of(&self.token_use, &["access", "access_token"]);
        // A nonce among the claims says nothing of a token whose kind is said.
        self.check_kind(rules, token_type || token_use)?;
        let refuse = |why| Err(Refusal::invalid(Rule::V12, why));
        let has_type = self.token_type.as_ref().is_some_and(|value| *value != Value::Null);
        if has_type && !token_type && !believed.any_kind {
            return refuse("the answer's token_type is neither Bearer nor DPoP");
        }
        let is_bound = self.cnf.is_some_and(|cnf| cnf.get() != "null");
        if self.is_called_bound() && !is_bound {
            return refuse("the answer's token_type is DPoP, and it names no key that the token is bound to");
        }
        if typ || token_type || token_use || has_audience || believed.any_kind {
            return Ok(());
        }
        refuse("the answer does not say that this is an access token, by token_type, token_use, typ or aud")
    }

    /// Whether an answer says by its `token_type` that the token is bound to a key.
    pub(super) fn is_called_bound(&self) -> bool {
        matches!(&self.token_type, Some(Value::Str(text)) if text.eq_ignore_ascii_case("DPoP"))
    }

    /// V12 of what the issuer says of a token that was verified: it must not say that it is of another kind.
    pub(super) fn check_kind_beside(&self, rules: &Rules) -> Result<(), Refusal> {
        self.check_kind(rules, true)?;
        match &self.token_type {
            Some(Value::Str(text)) if !text.eq_ignore_ascii_case("Bearer") && !text.eq_ignore_ascii_case("DPoP") => {
                Err(Refusal::invalid(Rule::V12, "the answer's token_type is neither Bearer nor DPoP"))
            }
            _ => Ok(()),
        }
    }

    /// V12: what the token is bound to. Where no proofs are accepted, nothing can be.
    pub(super) fn confirmation(&self, rules: &Rules) -> Result<Confirmation, Refusal> {
        let refuse = |why| Refusal::invalid(Rule::V12, why);
        if !rules.takes_proofs && self.cnf.is_some_and(|cnf| cnf.get() != "null") {
            return Err(refuse("cnf is present: a sender-constrained token is not a bearer token"));
        }
        Confirmation::read(self.cnf).map_err(refuse)
    }
}

/// `refresh`, `Refresh`, `refresh_token`, `refresh-token`, `refreshToken`, and the name of RFC 8693 section 3, whose last part
/// it is.
fn names_refresh_token(text: &str) -> bool {
    let last = text.rsplit(':').next().unwrap_or_default();
    let letters =
        || last.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ')).map(|byte| byte.to_ascii_lowercase());
    letters().eq(*b"refresh") || letters().eq(*b"refreshtoken")
}
