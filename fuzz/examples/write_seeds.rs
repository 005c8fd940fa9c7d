//! Writes inputs to begin with, a folder for each target: `cargo run -p parlor-fuzz --example write_seeds -- FOLDER`.
//!
//! They say by example what the targets read, so that the fuzzer need not find out what a frame is. What it finds from
//! there, and is worth keeping, is in `corpus/`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_gate::resume_token::ResumeKey;
use ring::hmac;
use serde_json::Value as Json;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("say which folder to write to"));
    };
    let folder = PathBuf::from(folder);
    for (target, encoding) in [
        ("decode_json", "json"),
        ("decode_msgpack", "msgpack"),
        ("decode_proto", "proto"),
    ] {
        write(&folder.join(target), &vectors(encoding)?)?;
    }
    write(&folder.join("handshake"), &handshakes())?;
    write(&folder.join("patch"), &choices())?;
    write(&folder.join("patch_bytes"), &patches()?)?;
    write(&folder.join("resume_token"), &resume_tokens())?;
    write(&folder.join("websocket"), &websockets())
}

fn write(folder: &Path, seeds: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(())
}

/// Everything that the golden vectors have in one encoding, what must be refused included.
fn vectors(encoding: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for file in [
        "frames.json",
        "values.json",
        "refused-frames.json",
        "refused-values.json",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../proto/vectors")
            .join(file);
        let vectors: Vec<Json> = serde_json::from_slice(&fs::read(path)?)?;
        for vector in &vectors {
            let also = vector["also"][encoding].as_array().into_iter().flatten();
            let refused = (vector["encoding"] == encoding).then_some(&vector["input"]);
            let texts = also.chain(refused).chain(vector.get(encoding));
            seeds.extend(
                texts
                    .filter_map(Json::as_str)
                    .map(|text| bytes(encoding, text)),
            );
        }
    }
    Ok(seeds)
}

/// JSON is text in the vectors, the others are hex.
fn bytes(encoding: &str, text: &str) -> Vec<u8> {
    if encoding == "json" {
        return text.into();
    }
    let digits = text.as_bytes().chunks(2);
    digits
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Bytes that look random: to `fuzz/src/patch.rs` each is a choice.
fn choices() -> Vec<Vec<u8>> {
    let seeds = (1..=40_u64).map(|seed| {
        let mut state = seed;
        let byte = |_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..20 * seed).map(byte).collect()
    });
    seeds.collect()
}

/// What the golden vectors have of patches, in each encoding behind the bytes that say how to read it, with frames around
/// some; and honest patches with a lie in them.
fn patches() -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    let load = |file: &str| -> io::Result<Vec<Json>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/vectors");
        Ok(serde_json::from_slice(&fs::read(folder.join(file))?)?)
    };
    let mut which = 0;
    let mut add = |how: u8, bytes: Vec<u8>| {
        seeds.push([&[which, how], bytes.as_slice()].concat());
        which = which.wrapping_add(1);
    };
    for vector in [load("patches.json")?, load("refused-patches.json")?].concat() {
        for (how, encoding) in [(0, "msgpack"), (1, "json"), (2, "proto")] {
            add(
                how,
                bytes(encoding, vector[encoding].as_str().unwrap_or_default()),
            );
        }
    }
    for history in load("histories.json")? {
        let encodings = [("json", 3), ("msgpack", 8), ("proto", 13)];
        for (encoding, how) in encodings.iter().filter(|it| history["encoding"] == it.0) {
            for frame in history["frames"].as_array().into_iter().flatten() {
                add(
                    *how,
                    bytes(encoding, frame["frame"].as_str().unwrap_or_default()),
                );
            }
        }
    }
    for lie in [
        [1, 0x7f],
        [0, 0xdd],
        [2, 0xcf],
        [3, 0xff],
        [4, 0x80],
        [5, 0x90],
    ] {
        for _ in 0..6 {
            add(4, lie.to_vec());
        }
    }
    Ok(seeds)
}

/// Handshakes of every kind, as `fuzz/src/handshake.rs` reads them.
fn handshakes() -> Vec<Vec<u8>> {
    const CLAIMS: &str = r#"{"sub":"ann","iss":"https://login.example","aud":["parlor","x"],"exp":1790000600,"nbf":1789999999.5,"name":"Ann","roles":["mod"]}"#;
    let token = token(r#"{"alg":"HS256","kid":"secret","typ":"JWT"}"#, CLAIMS);
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let heads = [
        "Host: play.example\nOrigin: https://play.example\nSec-WebSocket-Protocol: v1.json, v1.binary, v2.proto\n".to_owned(),
        "Host: 127.0.0.1:8080\nOrigin: http://localhost:5173\nSec-WebSocket-Protocol: soap\nSec-WebSocket-Protocol: v9.magic, v2.proto\n".to_owned(),
        "Host: [::1]:443\nOrigin: https://[::1]\n".to_owned(),
        "Host: a.example\nOrigin: http://127.0.0.1:80\n".to_owned(),
        "Origin: null\nX-Forwarded-For: 203.0.113.7, 10.0.0.2\n".to_owned(),
        "X-Forwarded-For: unknown\nX-Forwarded-For: [2001:db8::1]:4711, fd00::1,10.1.1.1:80\n".to_owned(),
        format!("Authorization: Bearer {token}\n"),
        format!("Sec-WebSocket-Protocol: auth.{token}, v1.json\n"),
        format!("Sec-WebSocket-Protocol: Auth.{unsigned}..\n"),
        format!("Claims: {CLAIMS}\n"),
        r#"Claims: {"sub":"b","iss":"https://login.example","aud":"parlor","exp":1790000600}"#.to_owned(),
        format!("Header: {{\"alg\":\"RS256\",\"kid\":\"curve\",\"crit\":[\"x\"]}}\nClaims: {CLAIMS}\n"),
        format!("Header: {{\"alg\":\"HS256\"}}\nClaims: {CLAIMS}\n"),
        r#"Keys: {"keys":[{"kty":"oct","kid":"a","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","use":"sig","key_ops":["verify"]},{"kty":"EC","crv":"P-256","alg":"ES256"}]}"#.to_owned(),
        r#"Keys: {"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#.to_owned(),
    ];
    let mut seeds = heads.map(String::into_bytes).to_vec();
    let local = [0x20, 0x00, 0, 0];
    let v4 = [
        0x21, 0x11, 0, 12, 203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80,
    ];
    let mut v6 = vec![0x21, 0x21, 0, 39, 0xfd];
    v6.resize(4 + 39, 0);
    for header in [&local[..], &v4, &v6] {
        let mut seed = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        seed.extend(header);
        seed.extend(b"Host: a.example\nX-Forwarded-For: 203.0.113.9, 10.0.0.2\n");
        seeds.push(seed);
    }
    seeds
}

/// A token that the targets believe.
fn token(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let said = format!("{header}.{claims}");
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]),
        said.as_bytes(),
    );
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A token, what is nearly one, and what a token is made of.
fn resume_tokens() -> Vec<Vec<u8>> {
    let token = ResumeKey::new(&[1; 32]).issue(7, 1);
    let other = ResumeKey::new(&[2; 32]).issue(7, 1);
    let mut said = vec![0; 24];
    said.extend([0, 0, 3, 0, 0x20]);
    vec![
        token.clone().into_bytes(),
        other.into_bytes(),
        format!("{token}=").into_bytes(),
        token.as_bytes()[..40].to_vec(),
        said,
        vec![0xff; 24 + 75],
    ]
}

/// Streams of frames, behind a byte that says how to read them.
fn websockets() -> Vec<Vec<u8>> {
    const FIN: u8 = 0x80;
    let [go_on, text, binary, close, ping, pong] = [0, 1, 2, 8, 9, 10];
    let streams: [&[(u8, &[u8])]; 8] = [
        &[
            (FIN | text, b"hello"),
            (FIN | ping, b"?"),
            (FIN | close, b"\x03\xe8bye"),
        ],
        &[
            (text, "gr\u{fc}".as_bytes()),
            (FIN | pong, b""),
            (FIN | go_on, "\u{1f3b2}".as_bytes()),
        ],
        &[
            (text, b"\xf0\x9f"),
            (go_on, b"\x8e"),
            (FIN | go_on, b"\xb2"),
            (FIN | close, b""),
        ],
        &[
            (binary, b"\0\xff"),
            (go_on, b""),
            (go_on, b"1"),
            (go_on, b"2"),
            (FIN | go_on, b"3"),
        ],
        &[(FIN | binary, &[7; 130]), (FIN | binary, &[8; 3])],
        &[(FIN | text | 0x40, b"reserved"), (FIN | 3, b"unknown")],
        &[(FIN | text, b"\xc0\x80"), (FIN | close, b"\x03")],
        &[(FIN | go_on, b"nothing"), (ping, b"in parts")],
    ];
    let mut seeds = Vec::new();
    for stream in streams {
        let frames: Vec<u8> = stream
            .iter()
            .flat_map(|(first, payload)| frame(*first, payload))
            .collect();
        for how in [0, 1, 6, 7] {
            seeds.push([&[how], frames.as_slice()].concat());
        }
    }
    // A frame of 20,000 bytes that has only begun to arrive, and one of more than there may be.
    seeds.push(b"\x01\x82\xfe\x4e\x20\x01\x02\x03\x04begun".to_vec());
    seeds.push(b"\x01\x82\xff\0\0\0\0\xff\xff\xff\xff\x01\x02\x03\x04".to_vec());
    seeds
}

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(0x80 | length),
        Ok(length) => frame.extend([0x80 | 126, 0, length]),
        Err(_) => unreachable!("no seed is that long"),
    }
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}
