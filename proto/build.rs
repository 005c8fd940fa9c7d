//! Generates the protobuf types from `parlor.proto`, without protoc.
//!
//! Payloads are not generated. A field of type `parlor.v2.Value` is handed to prost as `bytes`, which is the same on
//! the wire (both are length-delimited): so prost leaves the payload as the bytes it came in, and `proto_value.rs`
//! streams it to and from MessagePack without building a tree of messages. Other implementations generate from the
//! unchanged `parlor.proto`, and a test holds our bytes against its descriptor.

use prost_build::Config;
use protox::prost_reflect::prost_types::{
    DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type,
};

const VALUE: &str = ".parlor.v2.Value";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=parlor.proto");
    let mut set = protox::compile(["parlor.proto"], ["."])?;
    leave_payloads_as_bytes(&mut set);
    Config::new().bytes(["."]).compile_fds(set)?;
    Ok(())
}

fn leave_payloads_as_bytes(set: &mut FileDescriptorSet) {
    for file in &mut set.file {
        // Value is the last message of the file: comments go by position, and the others' must stay where they are.
        file.message_type
            .retain(|message| message.name() != "Value");
        for message in &mut file.message_type {
            rewrite(message);
        }
    }
}

fn rewrite(message: &mut DescriptorProto) {
    for field in &mut message.field {
        if field.type_name() == VALUE {
            field.type_name = None;
            field.set_type(Type::Bytes);
        }
    }
    for nested in &mut message.nested_type {
        rewrite(nested);
    }
}
