//! The protobuf form: how a field's type converts to and from the type that prost gives it.
//!
//! A field that proto3 does not track (a number or text without `optional`) reads as 0 or "" where it is missing.

use bytes::Bytes;

use super::{FieldError, number};
use crate::Payload;

/// A type that a field can have, and its counterpart in the generated messages.
pub(crate) trait ProtoField<P>: Sized {
    fn to_proto(&self) -> P;
    fn from_proto(proto: P) -> Result<Self, FieldError>;
}

impl ProtoField<Self> for String {
    fn to_proto(&self) -> Self {
        self.clone()
    }

    fn from_proto(proto: Self) -> Result<Self, FieldError> {
        Ok(proto)
    }
}

impl ProtoField<Self> for bool {
    fn to_proto(&self) -> Self {
        *self
    }

    fn from_proto(proto: Self) -> Result<Self, FieldError> {
        Ok(proto)
    }
}

impl ProtoField<Self> for u32 {
    fn to_proto(&self) -> Self {
        *self
    }

    fn from_proto(proto: Self) -> Result<Self, FieldError> {
        Ok(proto)
    }
}

impl ProtoField<Self> for u64 {
    fn to_proto(&self) -> Self {
        *self
    }

    fn from_proto(proto: Self) -> Result<Self, FieldError> {
        number(proto)
    }
}

/// `build.rs` turns fields of type `Value` into bytes. No Value is empty, so empty bytes are a missing field.
impl ProtoField<Bytes> for Payload {
    fn to_proto(&self) -> Bytes {
        Payload::to_proto(self).into()
    }

    fn from_proto(proto: Bytes) -> Result<Self, FieldError> {
        if proto.is_empty() {
            return Err(FieldError::missing());
        }
        Self::from_proto(&proto).map_err(FieldError::new)
    }
}

impl<P, T: ProtoField<P>> ProtoField<Option<P>> for Option<T> {
    fn to_proto(&self) -> Option<P> {
        self.as_ref().map(T::to_proto)
    }

    fn from_proto(proto: Option<P>) -> Result<Self, FieldError> {
        proto.map(T::from_proto).transpose()
    }
}

impl<P, T: ProtoField<P>> ProtoField<Vec<P>> for Vec<T> {
    fn to_proto(&self) -> Vec<P> {
        self.iter().map(T::to_proto).collect()
    }

    fn from_proto(proto: Vec<P>) -> Result<Self, FieldError> {
        let item = |(index, item)| T::from_proto(item).map_err(|error| error.within_item(index));
        proto.into_iter().enumerate().map(item).collect()
    }
}
