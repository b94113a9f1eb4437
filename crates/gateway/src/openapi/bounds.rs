use serde_json::Value;

/// Writes the bounds of integers into their schemas: validators do not know what `int64` means.
pub(super) fn write(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(write),
        Value::Object(object) => {
            let format = object.get("format").and_then(Value::as_str);
            if let Some((min, max)) = format.and_then(range) {
                object.entry("minimum").or_insert(min);
                object.entry("maximum").or_insert(max);
            }
            object.values_mut().for_each(write);
        }
        _ => {}
    }
}

/// What a number of this format can be.
fn range(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" => (0.into(), u32::MAX.into()),
        "uint64" | "uint" => (0.into(), u64::MAX.into()),
        // Larger ones are no numbers to a reader of JSON here, and infinity is none anywhere.
        "float" => (f32::MIN.into(), f32::MAX.into()),
        "double" => (f64::MIN.into(), f64::MAX.into()),
        _ => return None,
    })
}
