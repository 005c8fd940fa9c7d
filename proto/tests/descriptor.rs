//! Our protobuf against the unmodified `parlor.proto`, through a library that knows nothing of our streaming: what other
//! implementations will see.

use parlor_proto::{ClientFrame, Payload, ServerFrame, Subprotocol, Value, client};
use proptest::prelude::*;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, Value as Field, prost::Message as _,
};

mod common;

fn message(name: &str) -> MessageDescriptor {
    let folder = env!("CARGO_MANIFEST_DIR");
    let files = protox::compile(["parlor.proto"], [folder]).expect("parlor.proto compiles");
    let pool = DescriptorPool::from_file_descriptor_set(files).expect("the descriptors are whole");
    pool.get_message_by_name(&format!("parlor.v2.{name}"))
        .expect("the message is there")
}

/// What a Value message says, by its descriptor alone.
fn to_value(message: &DynamicMessage) -> Value {
    let (kind, content) = message.fields().next().expect("a Value has a kind");
    let items = |content: &Field, field: &str| {
        let message = content.as_message().expect("a message");
        message
            .get_field_by_name(field)
            .expect("the field is there")
            .as_list()
            .expect("a list")
            .to_vec()
    };
    match (kind.name(), content) {
        ("null_value", Field::Bool(_)) => Value::Null,
        ("bool_value", Field::Bool(value)) => Value::Bool(*value),
        ("int_value", Field::I64(value)) => Value::Int((*value).into()),
        ("uint_value", Field::U64(value)) => Value::Int((*value).into()),
        ("float_value", Field::F64(value)) => Value::Float(*value),
        ("text_value", Field::String(value)) => Value::Text(value.clone()),
        ("bytes_value", Field::Bytes(value)) => Value::Bytes(value.to_vec()),
        ("list_value", content) => Value::List(
            items(content, "items")
                .iter()
                .map(|item| to_value(item.as_message().expect("a Value")))
                .collect(),
        ),
        ("uint_list_value", content) => Value::List(
            items(content, "items")
                .iter()
                .map(|item| Value::Int(item.as_u64().expect("an integer").into()))
                .collect(),
        ),
        ("map_value", content) => {
            Value::Map(items(content, "entries").iter().map(to_entry).collect())
        }
        (kind, content) => panic!("{kind} holds {content:?}"),
    }
}

fn to_entry(entry: &Field) -> (String, Value) {
    let entry = entry.as_message().expect("an Entry");
    let key = entry.get_field_by_name("key").expect("the key is there");
    let value = entry
        .get_field_by_name("value")
        .expect("the value is there");
    (
        key.as_str().expect("text").to_owned(),
        to_value(value.as_message().expect("a Value")),
    )
}

proptest! {
    #[test]
    fn en5_a_stock_protobuf_library_reads_and_writes_our_values(value in common::value()) {
        let payload = value.to_payload().expect("the strategy makes only values");
        let read = DynamicMessage::decode(message("Value"), payload.to_proto().as_slice()).expect("a Value message");
        prop_assert!(read.unknown_fields().next().is_none());
        prop_assert_eq!(&to_value(&read), &value);
        prop_assert_eq!(Payload::from_proto(&read.encode_to_vec()), Ok(payload));
    }
}

#[test]
fn en5_a_stock_protobuf_library_reads_our_frames() {
    let data = Payload::from_json(r#"{"a":[1,{"$bytes":"AA=="}]}"#).expect("JSON");
    let frame = ClientFrame::from(client::RoomMessage {
        room: "lobby".into(),
        data: data.clone(),
        id: Some(0),
    });
    let bytes = Subprotocol::Proto.encode_client(&frame);
    let read = DynamicMessage::decode(message("ClientFrame"), bytes).expect("a ClientFrame");
    let (oneof, content) = read.fields().next().expect("a frame is set");
    assert_eq!(oneof.name(), "room_message");
    let content = content.as_message().expect("a message");
    assert_eq!(
        content
            .get_field_by_name("room")
            .expect("it is there")
            .as_str(),
        Some("lobby")
    );
    assert!(
        content.has_field_by_name("id"),
        "an id of 0 is there, and not absent"
    );
    let value = content.get_field_by_name("data").expect("it is there");
    assert_eq!(
        to_value(value.as_message().expect("a Value")),
        Value::from(&data)
    );
}

#[test]
fn en4_parlor_proto_has_the_frames_of_the_table_under_the_same_names() {
    for (name, types) in [
        ("ClientFrame", ClientFrame::TYPES),
        ("ServerFrame", ServerFrame::TYPES),
    ] {
        let oneof = message(name)
            .oneofs()
            .next()
            .expect("the frames are a oneof");
        let names: Vec<_> = oneof
            .fields()
            .map(|field| field.name().to_owned())
            .collect();
        assert_eq!(names, types);
    }
}
