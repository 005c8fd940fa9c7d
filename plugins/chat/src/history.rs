//! The last lines of a conversation.

use std::collections::VecDeque;

use parlor_plugin::{Bytes, MemberId};
use serde::{Deserialize, Serialize};

/// How many lines are kept.
const LINES_MAX: usize = 100;
/// How many lines are sent at once.
const PAGE_LINES: usize = 25;

/// A line of the conversation: sent to all when it is said, and to newcomers as part of the history. Lines are numbered
/// from 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line {
    /// Text.
    Said {
        n: u64,
        from: MemberId,
        name: String,
        at_ms: u64,
        text: String,
    },
    /// A file. The bytes come once, when it is shared; later only its name and size are known.
    File {
        n: u64,
        from: MemberId,
        name: String,
        at_ms: u64,
        file: String,
        mime: String,
        size: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<Bytes>,
    },
}

impl Line {
    /// Who said it.
    pub(crate) fn from(&self) -> MemberId {
        match self {
            Self::Said { from, .. } | Self::File { from, .. } => *from,
        }
    }

    fn number(&self) -> u64 {
        match self {
            Self::Said { n, .. } | Self::File { n, .. } => *n,
        }
    }
}

/// The last lines.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct History {
    lines: VecDeque<Line>,
}

impl History {
    /// The number of the line that is said next.
    pub(crate) fn next_number(&self) -> u64 {
        self.lines.back().map_or(1, |last| last.number() + 1)
    }

    /// Keeps a line, without the bytes of a file.
    pub(crate) fn push(&mut self, mut line: Line) {
        if let Line::File { bytes, .. } = &mut line {
            *bytes = None;
        }
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    /// The last lines before a number, the oldest first, and whether there are older ones.
    pub(crate) fn page(&self, before: u64) -> (Vec<&Line>, bool) {
        let end = self.lines.partition_point(|line| line.number() < before);
        let start = end.saturating_sub(PAGE_LINES);
        (self.lines.range(start..end).collect(), start > 0)
    }
}
