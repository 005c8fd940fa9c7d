//! What a token says once its signature is found good. A claim of the wrong type is refused, and never taken for one that
//! is not there.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Identity;
use super::verify::{Rules, TokenError};

/// The longest user, name or role, in bytes.
const TEXT_BYTES_MAX: usize = 256;
/// The most roles.
const ROLES_MAX: usize = 64;

pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    pub(super) fn check(&self, rules: &Rules, now: Duration) -> Result<Identity, TokenError> {
        let expiry = self.time("exp")?.ok_or(TokenError::MissingClaim("exp"))?;
        let expires_at = expiry.saturating_add(rules.leeway);
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        let begin = self.time("nbf")?.unwrap_or_default();
        if now.saturating_add(rules.leeway) < begin {
            return Err(TokenError::NotYetValid);
        }
        if let Some(issuer) = &rules.issuer
            && self.0.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(TokenError::WrongIssuer);
        }
        if let Some(audience) = &rules.audience
            && !self.is_meant_for(audience)
        {
            return Err(TokenError::WrongAudience);
        }
        Ok(Identity {
            user: self.user()?,
            // For show only, and no reason to send anybody away.
            name: self.0.get("name").and_then(text),
            roles: self.roles(&rules.roles_claim)?,
            expires_at,
        })
    }

    fn time(&self, claim: &'static str) -> Result<Option<Duration>, TokenError> {
        let Some(value) = self.0.get(claim) else {
            return Ok(None);
        };
        let seconds = value.as_u64().map(Duration::from_secs);
        let fraction = || Duration::try_from_secs_f64(value.as_f64()?).ok();
        let time = seconds.or_else(fraction);
        time.map(Some).ok_or(TokenError::BadClaim(claim))
    }

    fn is_meant_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(several)) => several.iter().any(|it| it == audience),
            _ => false,
        }
    }

    fn user(&self) -> Result<String, TokenError> {
        let user = self.0.get("sub").ok_or(TokenError::MissingClaim("sub"))?;
        text(user).ok_or(TokenError::BadClaim("sub"))
    }

    fn roles(&self, claim: &str) -> Result<Vec<String>, TokenError> {
        let roles = match self.0.get(claim) {
            None => Some(Vec::new()),
            Some(Value::Array(roles)) if roles.len() <= ROLES_MAX => {
                roles.iter().map(text).collect()
            }
            Some(_) => None,
        };
        roles.ok_or(TokenError::BadClaim("of roles"))
    }
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
    fits.then(|| text.to_owned())
}
