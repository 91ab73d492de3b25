//! A program as JSON.

use serde_json::{Value, json};

use super::program::{Attribute, Holds, Operation, Output, PARAMETER, Tensor};

/// The version of the file's structure, which newer programs read as well.
const VERSION: u64 = 1;

/// The text of a program.
pub(super) fn text(operations: &[Operation]) -> String {
    let operations: Vec<Value> = operations.iter().map(operation).collect();
    let block = json!({ "#": "block_0", "args": [], "ops": operations });
    json!({
        "base_code": { "magic": "pir", "trainable": false, "version": VERSION },
        "program": { "regions": [{ "#": "region_0", "blocks": [block] }] },
    })
    .to_string()
}

fn operation(operation: &Operation) -> Value {
    let Operation { kind, attributes, inputs, outputs } = operation;
    let outputs: Vec<Value> = outputs.iter().map(output).collect();
    if let (PARAMETER, [(_, Attribute::Text(name))], [made]) = (kind.as_str(), &attributes[..], &outputs[..])
    {
        return json!({ "#": kind, "A": [0, 1, 1, name], "DA": [], "O": made, "OA": [1, 0, 1], "QA": [] });
    }
    let attributes: Vec<Value> = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let inputs: Vec<Value> = inputs.iter().map(|id| json!({ "%": id })).collect();
    // What every operation says of its results; nothing is to be learnt.
    let stop = list("0.a_bool", &vec![json!(false); outputs.len()]);
    let stop = json!({ "AT": stop, "N": "stop_gradient" });
    json!({ "#": kind, "A": attributes, "I": inputs, "O": outputs, "OA": [stop] })
}

fn output(Output { id, holds }: &Output) -> Value {
    let holds = match holds {
        Holds::Tensor(one) => tensor(one),
        Holds::Several(all) => json!({ "#": "0.t_vec", "D": all.iter().map(tensor).collect::<Vec<_>>() }),
    };
    json!({ "%": id, "TT": holds })
}

fn tensor(Tensor { kind, dims }: &Tensor) -> Value {
    json!({ "#": "0.t_dtensor", "D": [{ "#": kind.of_type() }, dims, "NCHW", [], 0] })
}

fn attribute(name: &str, attribute: &Attribute) -> Value {
    let of = |kind: &str, value: Value| json!({ "#": kind, "D": value });
    let numbers = |numbers: &[i64]| numbers.iter().map(|number| json!(number)).collect::<Vec<_>>();
    let value = match attribute {
        Attribute::Flag(flag) => of("0.a_bool", json!(flag)),
        Attribute::Whole(number) => of("0.a_i32", json!(number)),
        Attribute::Float(number) => of("0.a_f64", json!(number)),
        Attribute::Text(text) => of("0.a_str", json!(text)),
        Attribute::Wholes(all) => list("0.a_i32", &numbers(all)),
        Attribute::LongWholes(all) => list("0.a_i64", &numbers(all)),
        Attribute::Sizes(sizes) => of("1.a_intarray", json!(sizes)),
        Attribute::Kind(kind) => of("1.a_dtype", json!(kind.of_attribute())),
        Attribute::Place(place) => of("1.a_place", json!([place, 0, ""])),
    };
    json!({ "AT": value, "N": name })
}

/// Values of one kind in a row.
fn list(kind: &str, values: &[Value]) -> Value {
    let values: Vec<Value> = values.iter().map(|value| json!({ "#": kind, "D": value })).collect();
    json!({ "#": "0.a_array", "D": values })
}
