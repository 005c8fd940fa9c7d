//! Resume tokens: only what a key wrote is opened by it, and it is written in one way only.

use parlor_gate::resume_token::ResumeKey;

/// Session and generation.
const SAID_BYTES: usize = 16 + 8;

/// Opens the bytes as a token; and as long as they say a session and a generation, issues a token for these and changes
/// it by what follows.
pub fn resume_token(input: &[u8]) {
    let [ours, theirs] = [1, 2].map(|byte| ResumeKey::new(&[byte; 32]));
    if let Ok(token) = std::str::from_utf8(input)
        && let Some((session, generation)) = ours.open(token)
    {
        assert_eq!(
            ours.issue(session, generation),
            token,
            "one token is written one way"
        );
        assert_eq!(theirs.open(token), None, "a key opens what it wrote itself");
    }
    let Some((said, change)) = input.split_first_chunk::<SAID_BYTES>() else {
        return;
    };
    let session = u128::from_be_bytes(said[..16].try_into().expect("16 bytes"));
    let generation = u64::from_be_bytes(said[16..].try_into().expect("8 bytes"));
    let token = ours.issue(session, generation);
    assert_eq!(ours.open(&token), Some((session, generation)));
    assert_eq!(theirs.open(&token), None);
    let mut changed = token.clone().into_bytes();
    for (byte, change) in changed.iter_mut().zip(change) {
        *byte ^= change;
    }
    if let Ok(changed) = std::str::from_utf8(&changed)
        && changed != token
    {
        assert_eq!(ours.open(changed), None, "a changed token says nothing");
    }
}
