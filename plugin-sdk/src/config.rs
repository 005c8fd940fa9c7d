//! What a room is opened with.

use serde::de::DeserializeOwned;

use crate::{Payload, Refusal, Result, bindings::parlor::room::types as wit};

/// What a room is opened with.
#[derive(Debug, Clone)]
pub struct Config {
    room: String,
    settings: Payload,
    options: Payload,
}

impl Config {
    /// The room's name.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// The operator's settings for this plugin, read as the type the plugin wants. They are trusted.
    ///
    /// # Errors
    /// When they do not fit the type; the room is then refused and the message says why.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        self.settings.read().map_err(|error| {
            Refusal::from(format!("the plugin's settings cannot be read: {error}"))
        })
    }

    /// The options of the member who made the room, read as the type the plugin wants. They are untrusted.
    ///
    /// # Errors
    /// When they do not fit the type; the room is then refused and the message says why.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T> {
        self.options
            .read()
            .map_err(|error| Refusal::from(format!("the room's options cannot be read: {error}")))
    }
}

impl From<wit::Config> for Config {
    fn from(config: wit::Config) -> Self {
        Self {
            room: config.room,
            settings: Payload::trusted(config.settings),
            options: Payload::trusted(config.options),
        }
    }
}
