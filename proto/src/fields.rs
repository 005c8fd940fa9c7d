//! How the types of fields are written and read: in the map forms by [`MapField`], in protobuf by [`ProtoField`].

mod map;
mod proto;
mod writers;

pub(crate) use map::{Cursor, MapField, required};
pub(crate) use proto::ProtoField;
pub(crate) use writers::{JsonWriter, MapWriter, MsgpackWriter};

use crate::{FieldProblem, FrameError, NUMBER_MAX, error::excerpt};

/// What is wrong with a field, on its way out to the frame that it is in.
#[derive(Debug)]
pub(crate) struct FieldError {
    /// The way to the field, from the innermost map that the error has reached.
    path: String,
    problem: FieldProblem,
}

impl FieldError {
    pub(crate) fn new(problem: impl Into<FieldProblem>) -> Self {
        Self {
            path: String::new(),
            problem: problem.into(),
        }
    }

    pub(crate) fn missing() -> Self {
        Self::new(FieldProblem::Missing)
    }

    pub(crate) fn expected(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(FieldProblem::Expected {
            expected: expected.into(),
            found: found.into(),
        })
    }

    /// The same error as seen from outside of `field`.
    pub(crate) fn within(self, field: &str) -> Self {
        let path = match self.path.as_str() {
            "" => field.to_owned(),
            path if path.starts_with('[') => format!("{field}{path}"),
            path => format!("{field}.{path}"),
        };
        Self { path, ..self }
    }

    /// The same error as seen from outside of the list of which this was an item.
    pub(crate) fn within_item(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }

    pub(crate) fn of_frame(self, frame: &'static str) -> FrameError {
        FrameError::Field {
            frame,
            field: self.path,
            problem: self.problem,
        }
    }
}

/// A protocol number, which must stay below 2^53.
fn number(value: u64) -> Result<u64, FieldError> {
    if value > NUMBER_MAX {
        return Err(FieldError::expected(
            format!("a number from 0 to {NUMBER_MAX}"),
            value.to_string(),
        ));
    }
    Ok(value)
}

/// Names another text than those a text enum has.
pub(crate) fn unknown_name(names: &[&str], found: &str) -> FieldError {
    let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    FieldError::expected(
        format!("one of {}", names.join(", ")),
        format!("{:?}", excerpt(found)),
    )
}
