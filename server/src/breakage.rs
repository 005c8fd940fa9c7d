//! Ways to break the server on purpose, so that tests can show that they would notice. Never on by itself: a server
//! that is started like this says so in its log.

use std::str::FromStr;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestBreak {
    /// A resume leaves out one frame.
    ResumeSkipOne,
    /// A resume sends one frame twice.
    ResumeRepeatOne,
    /// A resume sends two frames in the wrong order.
    ResumeSwap,
    /// A resume ends in a `reset` though nothing is missing.
    ResetNeedless,
    /// An input whose id was seen is applied again.
    ApplyTwice,
    /// An input is answered twice.
    ReplyTwice,
    /// What a step brought about leaves before its record is durable.
    ReleaseBeforeCommit,
    /// Nothing is ever forced to the disk.
    NoFsync,
    /// A client is sent a patch whatever it has.
    PatchOnWrongBase,
    /// What a view shows to one member goes to all of them.
    StateToTheWrongMember,
}

impl TestBreak {
    /// All of them, with the names they go by.
    pub const ALL: [(&str, Self); 10] = [
        ("resume-skip-one", Self::ResumeSkipOne),
        ("resume-repeat-one", Self::ResumeRepeatOne),
        ("resume-swap", Self::ResumeSwap),
        ("reset-needless", Self::ResetNeedless),
        ("apply-twice", Self::ApplyTwice),
        ("reply-twice", Self::ReplyTwice),
        ("release-before-commit", Self::ReleaseBeforeCommit),
        ("no-fsync", Self::NoFsync),
        ("patch-on-wrong-base", Self::PatchOnWrongBase),
        ("state-to-the-wrong-member", Self::StateToTheWrongMember),
    ];
}

impl FromStr for TestBreak {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, it)| *it).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            format!("nothing is called {name:?}; there are: {names}")
        })
    }
}
