//! Who a session is: a guest by nickname, a user by token, or nobody yet.

use parlor_gate::bans::Subject;
use parlor_gate::jwt::Identity;
use parlor_gate::token::Token;
use parlor_proto::{ErrorCode, client};
use tokio::time::Instant;

use super::state::{Action, SessionState, error};
use super::{CloseCode, Ending, Session};
use crate::auth::{Admission, time_left};
use crate::bans;
use crate::room::{RoomHandle, RoomInput};

/// The longest nickname.
const NAME_CHARS_MAX: usize = 32;

/// Who a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody, by nickname.
    Guest,
    /// Nobody, until a token says otherwise.
    Unknown,
    /// A user.
    User(Identity),
}

impl Who {
    pub(crate) fn is_known(&self) -> bool {
        *self != Self::Unknown
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.identity().map(|it| it.user.as_str())
    }

    pub(crate) fn roles(&self) -> &[String] {
        self.identity().map_or(&[], |it| it.roles.as_slice())
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::User(identity) => Some(identity),
            Self::Guest | Self::Unknown => None,
        }
    }

    /// What to call a client that has given no name.
    pub(crate) fn default_name(&self, session: u128) -> String {
        let named = self.identity().and_then(|it| it.name.as_deref());
        named.and_then(shown_name).unwrap_or_else(|| {
            let kind = match self {
                Self::Guest => "Guest",
                Self::Unknown | Self::User(_) => "User",
            };
            format!("{kind} {:04}", session % 10_000)
        })
    }
}

impl From<Admission> for Who {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::Guest => Self::Guest,
            Admission::Unknown => Self::Unknown,
            Admission::User(identity) => Self::User(identity),
        }
    }
}

/// A token was of another user than the session's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AnotherUser;

/// What becomes of `auth`.
impl SessionState {
    pub(super) fn on_auth(&mut self, auth: client::Auth) -> Vec<Action> {
        let client::Auth { token, name } = auth;
        let is_named = match (&self.who, token) {
            (Who::Guest, _) => false,
            (_, Some(token)) => return vec![Action::Authenticate(Token::new(token), name)],
            (Who::Unknown, None) => {
                let message = "this server needs a token: send it as `auth {token}`";
                return vec![Action::Send(error(
                    ErrorCode::NotAuthenticated,
                    message,
                    None,
                    None,
                ))];
            }
            (Who::User(identity), None) => identity.name.is_some(),
        };
        match name {
            None => vec![Action::Welcome],
            Some(_) if is_named => vec![Action::Send(error(
                ErrorCode::Forbidden,
                "your name is that in your token",
                None,
                None,
            ))],
            Some(name) => self.on_nickname(&name),
        }
    }

    /// A token was found good.
    pub(crate) fn on_identified(
        &mut self,
        identity: Identity,
        nickname: Option<&str>,
    ) -> Result<Vec<Action>, AnotherUser> {
        let was_known = self.who.is_known();
        if was_known && self.who.user() != Some(&identity.user) {
            return Err(AnotherUser);
        }
        let has_other_roles = self.who.roles() != identity.roles;
        let mut actions = Vec::new();
        let mut renamed = self.take_identity(identity);
        let is_named = self.who.identity().is_some_and(|it| it.name.is_some());
        if let Some(nickname) = nickname.filter(|_| !is_named) {
            match checked_name(nickname) {
                Some(name) => renamed = self.rename(name),
                None => actions.push(bad_name()),
            }
        }
        actions.push(Action::Welcome);
        actions.extend(renamed);
        if was_known && has_other_roles {
            let roles = |room: &RoomHandle| {
                let (session, roles) = (self.peer.session, self.who.roles().to_vec());
                Action::Post(room.clone(), RoomInput::Roles { session, roles })
            };
            actions.extend(self.rooms().map(roles));
        }
        Ok(actions)
    }

    /// Takes what a token says. Rooms are told here of another name, and elsewhere of other roles.
    pub(crate) fn take_identity(&mut self, identity: Identity) -> Vec<Action> {
        let was_known = self.who.is_known();
        self.who = Who::User(identity);
        let named = self.who.identity().and_then(|it| it.name.as_deref());
        match named.and_then(shown_name) {
            Some(name) if was_known => self.rename(name),
            Some(name) => {
                self.name = name;
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn on_nickname(&mut self, name: &str) -> Vec<Action> {
        let Some(name) = checked_name(name) else {
            return vec![bad_name()];
        };
        let mut actions = vec![Action::Welcome];
        actions.extend(self.rename(name));
        actions
    }

    fn rename(&mut self, name: String) -> Vec<Action> {
        if self.name == name {
            return Vec::new();
        }
        self.name = name;
        let renamed = |room: &RoomHandle| {
            let (session, name) = (self.peer.session, self.name.clone());
            Action::Post(room.clone(), RoomInput::Renamed { session, name })
        };
        self.rooms().map(renamed).collect()
    }
}

impl Session {
    /// Notes until when it is known who this is, or may stay unknown.
    pub(super) fn begin_identity(&mut self) {
        self.identity_until = match &self.state.who {
            Who::Guest => None,
            Who::Unknown => Some(Instant::now() + self.node.limits.auth_timeout),
            Who::User(identity) => {
                self.handle.belongs_to(&identity.user);
                Some(Instant::now() + time_left(identity))
            }
        };
    }

    /// Checks a token that came in a frame.
    pub(super) async fn authenticate(
        &mut self,
        token: &Token,
        nickname: Option<&str>,
    ) -> Result<Vec<Action>, Ending> {
        let node = std::sync::Arc::clone(&self.node);
        let Some(auth) = node.auth.tokens() else {
            return Ok(vec![Action::Welcome]);
        };
        let identity = auth.check(token).await;
        let identity =
            identity.map_err(|denied| Ending::Close(denied.close_code(), denied.to_string()))?;
        let subject = Subject {
            user: Some(identity.user.clone()),
            place: None,
        };
        let actions = self.state.on_identified(identity, nickname);
        let actions = actions.map_err(|AnotherUser| {
            let reason = "the token is another user's; open a connection of its own for it";
            Ending::Close(CloseCode::TokenRefused, reason.to_owned())
        })?;
        if let Some(left) = node.bans.time_left(&subject, Instant::now()) {
            // It is known by now who this is, and others at the same address are not to pay for it.
            return Err(Ending::Close(CloseCode::TokenRefused, bans::reason(left)));
        }
        self.begin_identity();
        Ok(actions)
    }

    /// How the connection ends when it is over with its identity.
    pub(super) fn identity_end(&self) -> (CloseCode, &'static str) {
        if self.state.who.is_known() {
            let reason =
                "the token has expired; connect with a new one, or send it in time as auth {token}";
            return (CloseCode::TokenRefused, reason);
        }
        let reason = "no token came; send it in the handshake, or at once as auth {token}";
        (CloseCode::TokenRequired, reason)
    }
}

fn bad_name() -> Action {
    let message = "a nickname is 1 to 32 visible characters";
    Action::Send(error(ErrorCode::InvalidName, message, None, None))
}

/// A nickname as a client asks for it, if it may have that.
fn checked_name(name: &str) -> Option<String> {
    let name = name.trim();
    let is_good = !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(is_invisible);
    is_good.then(|| name.to_owned())
}

/// What is shown of a name that somebody else gave, and that nobody can be asked to change.
fn shown_name(name: &str) -> Option<String> {
    let visible = name.trim().chars().filter(|it| !is_invisible(*it));
    let cut: String = visible.take(NAME_CHARS_MAX).collect();
    checked_name(&cut)
}

/// Characters that show nothing, or change how what follows is shown: a name of them could pass for another.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parlor_proto::{ClientFrame, Subprotocol};

    use super::super::Peer;
    use super::*;

    fn state(who: Who) -> SessionState {
        let peer = Peer::for_tests(7, Subprotocol::Json);
        let name = who.default_name(7);
        SessionState::new(peer, who, name, 32, 20)
    }

    fn identity(user: &str, name: Option<&str>) -> Identity {
        Identity {
            user: user.to_owned(),
            name: name.map(str::to_owned),
            roles: Vec::new(),
            expires_at: Duration::MAX,
        }
    }

    /// The codes of the errors among these.
    fn refusals(actions: &[Action]) -> Vec<&str> {
        let code = |action| match action {
            &Action::Send(parlor_proto::ServerFrame::Error(ref error)) => Some(error.code.as_str()),
            _ => None,
        };
        actions.iter().filter_map(code).collect()
    }

    /// OP3
    #[test]
    fn until_it_is_known_who_this_is_there_is_only_auth() {
        let mut state = state(Who::Unknown);
        for frame in [
            ClientFrame::Ping(client::Ping { timestamp: 1 }),
            ClientFrame::ListRooms(client::ListRooms {
                plugin: None,
                filter: None,
                id: 1,
            }),
            ClientFrame::Auth(client::Auth {
                token: None,
                name: Some("Ann".to_owned()),
            }),
        ] {
            let actions = state.on_frame(Ok(frame), Instant::now().into_std());
            assert_eq!(refusals(&actions), ["NOT_AUTHENTICATED"]);
            assert_eq!(actions.len(), 1);
        }
        let resume = ClientFrame::Resume(client::Resume {
            session: "7".to_owned(),
            resume_token: "7".to_owned(),
            rooms: Vec::new(),
        });
        assert_eq!(
            refusals(&state.on_frame(Ok(resume), Instant::now().into_std())),
            ["RESUME_REFUSED"]
        );
    }

    #[test]
    fn a_session_stays_the_users_that_it_was_first() {
        let mut state = state(Who::Unknown);
        let first = state.on_identified(identity("ann", None), Some("Ann"));
        assert!(matches!(first.unwrap()[..], [Action::Welcome]));
        assert_eq!(state.name, "Ann");
        assert!(state.on_identified(identity("ann", None), None).is_ok());
        assert_eq!(state.name, "Ann", "a renewal is no new name");
        let other = state.on_identified(identity("bob", None), None);
        assert!(matches!(other, Err(AnotherUser)));
        assert_eq!(state.who.user(), Some("ann"));
    }

    #[test]
    fn the_name_in_a_token_goes_before_any_other() {
        let mut state = state(Who::User(identity("ann", Some("Ann \u{202e}Smith"))));
        assert_eq!(state.name, "Ann Smith");
        let named = client::Auth {
            token: None,
            name: Some("Bob".to_owned()),
        };
        let actions = state.on_frame(Ok(ClientFrame::Auth(named)), Instant::now().into_std());
        assert_eq!(refusals(&actions), ["FORBIDDEN"]);
        let renewed = state.on_identified(identity("ann", Some("Ann Jones")), Some("Bob"));
        assert!(matches!(renewed.unwrap()[..], [Action::Welcome]));
        assert_eq!(state.name, "Ann Jones");
    }

    #[test]
    fn a_name_in_a_token_is_cut_to_what_can_be_shown() {
        assert_eq!(shown_name(&"ä".repeat(40)), Some("ä".repeat(32)));
        assert_eq!(shown_name(" \u{200b} "), None);
        let nobody = Who::User(identity("ann", Some("\u{200b}")));
        assert_eq!(nobody.default_name(12_345), "User 2345");
    }
}
