//! What can be wrong with a message, and the codes for it.

use crate::{Subprotocol, table::text_enum};

text_enum! {
    /// The `code` of an `error` frame, for everything that the server itself refuses. Plugins may send others.
    pub enum ErrorCode {
        /// The message is not in the subprotocol's encoding, or a field is missing or of the wrong type.
        InvalidMessageFormat "INVALID_MESSAGE_FORMAT",
        /// No frame has this type.
        UnknownMessageType "UNKNOWN_MESSAGE_TYPE",
        /// A payload is not a value of the value model.
        InvalidValue "INVALID_VALUE",
        /// A room name outside of the rules.
        InvalidRoomName "INVALID_ROOM_NAME",
        /// A nickname outside of the rules.
        InvalidName "INVALID_NAME",
        /// The plugin cannot read the payload.
        InvalidPayload "INVALID_PAYLOAD",
        /// A frame before `welcome`, or a token that is not accepted.
        NotAuthenticated "NOT_AUTHENTICATED",
        /// The earlier session cannot be taken up.
        ResumeRefused "RESUME_REFUSED",
        /// A frame for a room that the session is not in.
        NotInRoom "NOT_IN_ROOM",
        /// The session is in this room already.
        AlreadyInRoom "ALREADY_IN_ROOM",
        /// No such room.
        RoomNotFound "ROOM_NOT_FOUND",
        /// A room of this name exists already.
        RoomExists "ROOM_EXISTS",
        /// No free seat.
        RoomFull "ROOM_FULL",
        /// The room takes nobody new.
        RoomLocked "ROOM_LOCKED",
        /// The room is closing.
        RoomClosed "ROOM_CLOSED",
        /// The plugin refused to open the room.
        RoomRefused "ROOM_REFUSED",
        /// The room has more input waiting than it may.
        RoomBusy "ROOM_BUSY",
        /// No such plugin.
        PluginNotFound "PLUGIN_NOT_FOUND",
        /// The room runs another plugin.
        PluginMismatch "PLUGIN_MISMATCH",
        /// The plugin broke: over this input, or for good.
        PluginFailed "PLUGIN_FAILED",
        /// A payload above the plugin's limit.
        PayloadTooLarge "PAYLOAD_TOO_LARGE",
        /// Too many messages, bytes, joins, new rooms or codes in a time.
        RateLimitExceeded "RATE_LIMIT_EXCEEDED",
        /// No room has this code.
        WrongCode "WRONG_CODE",
        /// Not for this user.
        Forbidden "FORBIDDEN",
        /// The session is in as many rooms as it may be.
        TooManyRooms "TOO_MANY_ROOMS",
        /// The room has no such view, or not for this member.
        ViewNotFound "VIEW_NOT_FOUND",
        /// This server cannot do that.
        Unsupported "UNSUPPORTED",
        /// The server takes nothing new, for it is about to stop.
        ServerDraining "SERVER_DRAINING",
        /// The server cannot write to its disk, and the room must not go on without.
        StorageUnavailable "STORAGE_UNAVAILABLE",
        /// An input's id that does not rise, and whose reply is not known.
        OutOfOrderId "OUT_OF_ORDER_ID",
        /// The plugin refused the input.
        Refused "REFUSED",
        /// The plugin or the operator removed the member from the room.
        Kicked "KICKED",
    }
}

/// Why something is no value of the value model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}, at byte {at}")]
pub struct ValueError {
    /// What is wrong.
    pub fault: ValueFault,
    /// Where, in bytes from the start of the input.
    pub at: usize,
}

impl ValueError {
    /// The code to refuse it with.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self.fault {
            ValueFault::Syntax(_)
            | ValueFault::Truncated
            | ValueFault::Trailing
            | ValueFault::NotUtf8 => ErrorCode::InvalidMessageFormat,
            ValueFault::TooDeep
            | ValueFault::DuplicateKey(_)
            | ValueFault::KeyNotText(_)
            | ValueFault::Extension
            | ValueFault::NotFinite
            | ValueFault::IntegerRange
            | ValueFault::LoneSurrogate
            | ValueFault::ReservedKey(_)
            | ValueFault::Tag(_)
            | ValueFault::Kind(_)
            | ValueFault::Serde(_) => ErrorCode::InvalidValue,
        }
    }
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// The encoding itself is broken.
    #[error("{0}")]
    Syntax(&'static str),
    /// The end came too early.
    #[error("the message ends in the middle of a value")]
    Truncated,
    /// The end came too late.
    #[error("more follows after the value")]
    Trailing,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// Nesting beyond [`crate::DEPTH_MAX`].
    #[error("lists and maps nest more than {} deep", crate::DEPTH_MAX)]
    TooDeep,
    /// A map with two equal keys.
    #[error("key {0:?} appears twice in a map")]
    DuplicateKey(String),
    /// A map key that is not text.
    #[error("a map key must be text, got {0}")]
    KeyNotText(&'static str),
    /// A MessagePack ext type.
    #[error("MessagePack ext types are not allowed")]
    Extension,
    /// NaN, an infinity, or a number that becomes one.
    #[error("NaN, infinities and numbers beyond the range of a double are not allowed")]
    NotFinite,
    /// An integer that is too small or too large.
    #[error("an integer must be within -2^63 and 2^64-1")]
    IntegerRange,
    /// Half of a surrogate pair in JSON.
    #[error("a lone surrogate is no character")]
    LoneSurrogate,
    /// A one-key map in JSON whose key begins with `$`, but means nothing.
    #[error("a map whose only key is {0:?} is reserved; write the key with one more `$`")]
    ReservedKey(String),
    /// A `$bytes` or `$int` in JSON whose value is wrong.
    #[error("{0}")]
    Tag(&'static str),
    /// A protobuf Value that has no value, or two.
    #[error("{0}")]
    Kind(&'static str),
    /// A Rust type that cannot be written as a value, or not be read from this one.
    #[error("{0}")]
    Serde(String),
}

impl ValueFault {
    pub(crate) fn at(self, at: usize) -> ValueError {
        ValueError { fault: self, at }
    }
}

/// Why a message is no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes are not in the subprotocol's encoding.
    #[error("not a {} message: {detail}", .subprotocol.name())]
    Malformed {
        /// What they should have been.
        subprotocol: Subprotocol,
        /// What is wrong, and where.
        detail: String,
    },
    /// A value in it breaks the rules of the value model.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Not a map.
    #[error("a frame is a map, got {found}")]
    NotAMap {
        /// What it is.
        found: &'static str,
    },
    /// No `type`.
    #[error("a frame needs a \"type\" that is text")]
    Untyped,
    /// A `type` that no frame in this direction has.
    #[error("{name:?} is no frame type; see the table of frames in the protocol's specification")]
    UnknownType {
        /// The type.
        name: String,
    },
    /// A protobuf message in which no frame is set, or one that this version does not know.
    #[error("no frame is set, or none that this server knows; see the frames in parlor.proto")]
    NoFrame,
    /// A field that is missing or wrong.
    #[error("field {field:?} of {frame}: {problem}")]
    Field {
        /// The type of the frame.
        frame: &'static str,
        /// The field, with the way to it where it is nested.
        field: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
}

impl FrameError {
    /// The code of the `error` frame that answers it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Value(error)
            | Self::Field {
                problem: FieldProblem::Value(error),
                ..
            } => error.code(),
            Self::UnknownType { .. } | Self::NoFrame => ErrorCode::UnknownMessageType,
            Self::Malformed { .. }
            | Self::NotAMap { .. }
            | Self::Untyped
            | Self::Field {
                problem: FieldProblem::Missing | FieldProblem::Expected { .. },
                ..
            } => ErrorCode::InvalidMessageFormat,
        }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It is not there.
    #[error("missing")]
    Missing,
    /// It is something else.
    #[error("expected {expected}, got {found}")]
    Expected {
        /// What it should have been.
        expected: String,
        /// What it is.
        found: String,
    },
    /// It is a payload outside of the value model.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// The start of a client's text, for an error message.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
