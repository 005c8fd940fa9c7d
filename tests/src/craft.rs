//! Components that are made of others: with something else in them, or with what no compiler writes.

use crate::guest;

/// The guest `tiny` as another version of it: the number takes as many characters.
#[must_use]
pub fn tiny(version: &str) -> Vec<u8> {
    replaced(guest("tiny"), b"0.0.0", version.as_bytes())
}

/// A component with other bytes that does the same: a custom section comes behind it.
///
/// # Panics
///
/// When what it is to hold is not short.
#[must_use]
pub fn with_section(mut component: Vec<u8>, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len() + 2).expect("it is short");
    component.extend([0, length, 1, b'x']);
    component.extend(content);
    component
}

/// The bytes with every `from` replaced by as many bytes.
///
/// # Panics
///
/// When there is nothing to replace.
#[must_use]
pub fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..=bytes.len().saturating_sub(from.len()))
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty(), "there is nothing to replace");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// A component with a core module that nothing uses and that takes long to compile: many large functions.
#[must_use]
pub fn slow_to_compile() -> Vec<u8> {
    let mut code = vec![1, 1, 0x7f];
    // local.get 0, i32.const 77, i32.mul, local.set 0: each needs the one before it.
    // Nearly as long as one may be.
    for _ in 0..130_000 {
        code.extend([0x20, 0, 0x41, 0xcd, 0, 0x6c, 0x21, 0]);
    }
    code.push(0x0b);
    with_core_module(guest("tiny"), &module(&vec![code; 30]))
}

/// A core module with these function bodies, all of a type without parameters and results.
#[must_use]
pub fn module(bodies: &[Vec<u8>]) -> Vec<u8> {
    let count = leb(bodies.len());
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    let functions = [count.clone(), vec![0; bodies.len()]].concat();
    section(&mut module, 3, &functions);
    let mut code = count;
    for body in bodies {
        code.extend(leb(body.len()));
        code.extend(body);
    }
    section(&mut module, 10, &code);
    module
}

/// The component with one more core module in it.
#[must_use]
pub fn with_core_module(mut component: Vec<u8>, module: &[u8]) -> Vec<u8> {
    section(&mut component, 1, module);
    component
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    bytes.extend(leb(content.len()));
    bytes.extend(content);
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
