//! The macros behind the table in `frames.rs`.

/// An enum whose variants are texts on the wire.
macro_rules! text_enum {
    ($(#[doc = $doc:literal])+ pub enum $Enum:ident { $($(#[doc = $variant_doc:literal])+ $Variant:ident $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $Enum {
            $($(#[doc = $variant_doc])+ $Variant,)+
        }

        impl $Enum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Variant),+];

            /// The text on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Variant => $text),+ }
            }

            /// The one with this text on the wire.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$Variant),)+ _ => None }
            }

            fn from_field(name: &str) -> Result<Self, $crate::fields::FieldError> {
                Self::from_name(name).ok_or_else(|| $crate::fields::unknown_name(&[$($text),+], name))
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl $crate::fields::MapField for $Enum {
            fn write<W: $crate::fields::MapWriter>(&self, writer: &mut W) {
                writer.text(self.as_str());
            }

            fn read(cursor: &mut $crate::fields::Cursor<'_>) -> Result<Option<Self>, $crate::fields::FieldError> {
                cursor.text().and_then(Self::from_field).map(Some)
            }
        }

        impl $crate::fields::ProtoField<String> for $Enum {
            fn to_proto(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_proto(proto: String) -> Result<Self, $crate::fields::FieldError> {
                Self::from_field(&proto)
            }
        }
    };
}

/// How a struct is written and read in the map forms: as a map or, where it is a `list`, as its fields in order, of which
/// none is optional.
macro_rules! map_form {
    (list $Struct:ident $tag:expr; $($field:ident: $Type:ty,)*) => {
        impl $crate::fields::MapField for $Struct {
            const IS_LIST: bool = true;

            fn write<W: $crate::fields::MapWriter>(&self, writer: &mut W) {
                writer.begin_list([$(stringify!($field)),*].len());
                $(
                    writer.item();
                    $crate::fields::MapField::write(&self.$field, writer);
                )*
                writer.end_list();
            }

            fn read(cursor: &mut $crate::fields::Cursor<'_>) -> Result<Option<Self>, $crate::fields::FieldError> {
                let mut left = cursor.list()?;
                $(
                    let mut $field: Option<$Type> = None;
                    if left > 0 {
                        left -= 1;
                        $field = $crate::fields::MapField::read(cursor)
                            .map_err(|error| error.within(stringify!($field)))?;
                    }
                )*
                for _ in 0..left {
                    cursor.skip();
                }
                Ok(Some(Self {
                    $($field: $field.map_or_else($crate::fields::MapField::absent, Ok)
                        .map_err(|error| error.within(stringify!($field)))?,)*
                }))
            }
        }
    };
    ($Struct:ident $tag:expr; $($field:ident: $Type:ty,)*) => {
        impl $crate::fields::MapField for $Struct {
            fn write<W: $crate::fields::MapWriter>(&self, writer: &mut W) {
                let tag: Option<&str> = $tag;
                let count = usize::from(tag.is_some())
                    $(+ usize::from($crate::fields::MapField::is_present(&self.$field)))*;
                writer.begin_map(count);
                if let Some(tag) = tag {
                    writer.key("type");
                    writer.text(tag);
                }
                $(
                    if $crate::fields::MapField::is_present(&self.$field) {
                        writer.key(stringify!($field));
                        $crate::fields::MapField::write(&self.$field, writer);
                    }
                )*
                writer.end_map();
            }

            fn read(cursor: &mut $crate::fields::Cursor<'_>) -> Result<Option<Self>, $crate::fields::FieldError> {
                $(let mut $field: Option<$Type> = None;)*
                for _ in 0..cursor.map()? {
                    match cursor.key() {
                        $(
                            stringify!($field) => {
                                $field = $crate::fields::MapField::read(cursor)
                                    .map_err(|error| error.within(stringify!($field)))?;
                            }
                        )*
                        _ => cursor.skip(),
                    }
                }
                Ok(Some(Self {
                    $($field: $field.map_or_else($crate::fields::MapField::absent, Ok)
                        .map_err(|error| error.within(stringify!($field)))?,)*
                }))
            }
        }
    };
}

/// A struct whose fields are those of a map and of a protobuf message.
macro_rules! fields_struct {
    (
        $(#[doc = $doc:literal])+ $(#[derive($derive:ident)])?
        $Struct:ident ($($proto:ident)::+) $tag:expr $(, $form:ident)?;
        $($(#[doc = $field_doc:literal])+ $field:ident: $Type:ty,)*
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq $(, $derive)?)]
        pub struct $Struct {
            $($(#[doc = $field_doc])+ pub $field: $Type,)*
        }

        $crate::table::map_form! { $($form)? $Struct $tag; $($field: $Type,)* }

        impl $crate::fields::ProtoField<$crate::pb::$($proto)::+> for $Struct {
            fn to_proto(&self) -> $crate::pb::$($proto)::+ {
                $crate::pb::$($proto)::+ { $($field: $crate::fields::ProtoField::to_proto(&self.$field),)* }
            }

            fn from_proto(proto: $crate::pb::$($proto)::+) -> Result<Self, $crate::fields::FieldError> {
                Ok(Self {
                    $($field: $crate::fields::ProtoField::from_proto(proto.$field)
                        .map_err(|error| error.within(stringify!($field)))?,)*
                })
            }
        }

        /// prost makes every field that is a message optional; ours are not.
        impl $crate::fields::ProtoField<Option<$crate::pb::$($proto)::+>> for $Struct {
            fn to_proto(&self) -> Option<$crate::pb::$($proto)::+> {
                Some($crate::fields::ProtoField::to_proto(self))
            }

            fn from_proto(proto: Option<$crate::pb::$($proto)::+>) -> Result<Self, $crate::fields::FieldError> {
                proto.map_or_else(|| Err($crate::fields::FieldError::missing()), $crate::fields::ProtoField::from_proto)
            }
        }
    };
}

/// Structs that are the types of fields.
macro_rules! records {
    ($($(#[doc = $doc:literal])+ pub struct $Struct:ident { $($fields:tt)* })+) => {
        $(
            $crate::table::fields_struct! {
                $(#[doc = $doc])+ $Struct ($Struct) None;
                $($fields)*
            }
        )+
    };
}

/// The frames of one direction: an enum, and a module with a struct for each.
macro_rules! frames {
    (
        $(#[doc = $doc:literal])+
        pub enum $Enum:ident in $module:ident {
            $(
                $(#[doc = $frame_doc:literal])+
                $(#[derive($frame_derive:ident)])?
                $Frame:ident $text:literal $(as $form:ident)? { $($fields:tt)* }
            )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub enum $Enum {
            $($(#[doc = $frame_doc])+ $Frame($module::$Frame),)+
        }

        #[doc = concat!("The frames of [`", stringify!($Enum), "`](super::", stringify!($Enum), ").")]
        pub mod $module {
            use super::*;

            $(
                $crate::table::fields_struct! {
                    $(#[doc = $frame_doc])+ $(#[derive($frame_derive)])?
                    $Frame ($module::$Frame) Some($text) $(, $form)?;
                    $($fields)*
                }

                impl From<$Frame> for $Enum {
                    fn from(frame: $Frame) -> Self {
                        Self::$Frame(frame)
                    }
                }
            )+
        }

        impl $Enum {
            /// The `type` of every frame, in the order of the table.
            pub const TYPES: &[&str] = &[$($text),+];

            /// The frame that is a list, and so has no `type` in it.
            const LIST_TYPE: Option<&'static str> = {
                let mut list_type = None;
                $(
                    if <$module::$Frame as $crate::fields::MapField>::IS_LIST {
                        list_type = Some($text);
                    }
                )+
                list_type
            };

            /// The frame's `type`.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$Frame(_) => $text),+ }
            }

            /// Writes the frame as a map, or as the list that it is.
            pub(crate) fn write_map<W: $crate::fields::MapWriter>(&self, writer: &mut W) {
                match self { $(Self::$Frame(frame) => $crate::fields::MapField::write(frame, writer)),+ }
            }

            /// Reads the frame from its canonical MessagePack.
            pub(crate) fn from_map(mut cursor: $crate::fields::Cursor<'_>) -> Result<Self, $crate::FrameError> {
                match cursor.frame_type(Self::LIST_TYPE)? {
                    $($text => $crate::fields::required(&mut cursor, $text).map(Self::$Frame),)+
                    name => Err($crate::FrameError::UnknownType { name: $crate::error::excerpt(name) }),
                }
            }

            pub(crate) fn to_proto(&self) -> $crate::pb::$Enum {
                let frame = match self {
                    $(Self::$Frame(frame) => {
                        $crate::pb::$module::Frame::$Frame($crate::fields::ProtoField::to_proto(frame))
                    })+
                };
                $crate::pb::$Enum { frame: Some(frame) }
            }

            pub(crate) fn from_proto(message: $crate::pb::$Enum) -> Result<Self, $crate::FrameError> {
                match message.frame.ok_or($crate::FrameError::NoFrame)? {
                    $($crate::pb::$module::Frame::$Frame(frame) => $crate::fields::ProtoField::from_proto(frame)
                        .map(Self::$Frame)
                        .map_err(|error| error.of_frame($text)),)+
                }
            }
        }
    };
}

pub(crate) use {fields_struct, frames, map_form, records, text_enum};
