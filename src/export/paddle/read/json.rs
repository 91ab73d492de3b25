//! JSON as operations.

use serde_json::Value;

use super::super::program::{Attribute, Holds, Kind, NAME, Operation, Output, PARAMETER, Tensor};
use crate::error::{Error, Result};

/// The operations of a program's text.
///
/// # Errors
/// If it is no such text, or says something of an operation that is not known.
pub(super) fn operations(text: &str) -> Result<Vec<Operation>> {
    let program: Value =
        serde_json::from_str(text).map_err(|error| Error::new("its program is no JSON").because(error))?;
    if program["base_code"]["magic"] != "pir" {
        return Err(Error::new("its program is not one of Paddle 3"));
    }
    let block = one(&program["program"]["regions"]).and_then(|region| one(&region["blocks"]));
    let operations = block.and_then(|block| block["ops"].as_array());
    let operations = operations.ok_or_else(|| Error::new("its program is not one block of operations"))?;
    operations.iter().map(|value| operation(value).ok_or_else(|| unknown(value))).collect()
}

/// The one value of a list.
fn one(list: &Value) -> Option<&Value> {
    list.as_array().filter(|list| list.len() == 1)?.first()
}

fn unknown(operation: &Value) -> Error {
    let kind = operation["#"].as_str().unwrap_or("something");
    Error::new(format!("Kiln doesn't know {kind} as the program has it"))
}

fn operation(value: &Value) -> Option<Operation> {
    let kind = value["#"].as_str()?.to_owned();
    if kind == PARAMETER {
        let name = Attribute::Text(value["A"].get(3)?.as_str()?.to_owned());
        let (attributes, outputs) = (vec![(NAME.to_owned(), name)], vec![output(&value["O"])?]);
        return Some(Operation { kind, attributes, inputs: Vec::new(), outputs });
    }
    let attributes = value["A"].as_array()?.iter().map(attribute).collect::<Option<_>>()?;
    let inputs = value["I"].as_array()?.iter().map(|input| input["%"].as_u64()).collect::<Option<_>>()?;
    let outputs = value["O"].as_array()?.iter().map(output).collect::<Option<_>>()?;
    Some(Operation { kind, attributes, inputs, outputs })
}

fn output(value: &Value) -> Option<Output> {
    let (id, holds) = (value["%"].as_u64()?, &value["TT"]);
    let holds = match holds["#"].as_str()? {
        "0.t_vec" => Holds::Several(holds["D"].as_array()?.iter().map(tensor).collect::<Option<_>>()?),
        _ => Holds::Tensor(tensor(holds)?),
    };
    Some(Output { id, holds })
}

fn tensor(value: &Value) -> Option<Tensor> {
    let ("0.t_dtensor", [kind, dims, ..]) = (value["#"].as_str()?, &value["D"].as_array()?[..]) else {
        return None;
    };
    let kind = Kind::ALL.into_iter().find(|it| kind["#"] == it.of_type())?;
    Some(Tensor { kind, dims: wholes(dims)? })
}

fn wholes(list: &Value) -> Option<Vec<i64>> {
    list.as_array()?.iter().map(Value::as_i64).collect()
}

fn attribute(value: &Value) -> Option<(String, Attribute)> {
    let (name, kind, value) = (value["N"].as_str()?, value["AT"]["#"].as_str()?, &value["AT"]["D"]);
    let attribute = match kind {
        "0.a_bool" => Attribute::Flag(value.as_bool()?),
        "0.a_i32" => Attribute::Whole(value.as_i64()?),
        "0.a_f32" | "0.a_f64" => Attribute::Float(value.as_f64()?),
        "0.a_str" => Attribute::Text(value.as_str()?.to_owned()),
        "0.a_array" => list(value.as_array()?)?,
        "1.a_intarray" => Attribute::Sizes(wholes(value)?),
        "1.a_dtype" => Attribute::Kind(Kind::ALL.into_iter().find(|it| value == it.of_attribute())?),
        "1.a_place" => Attribute::Place(value.get(0)?.as_i64()?),
        _ => return None,
    };
    Some((name.to_owned(), attribute))
}

/// Whole numbers of one kind in a row.
fn list(values: &[Value]) -> Option<Attribute> {
    let kind = values.first()?["#"].as_str()?;
    let number = |value: &Value| value["D"].as_i64().filter(|_| value["#"] == kind);
    let numbers = values.iter().map(number).collect::<Option<_>>()?;
    match kind {
        "0.a_i32" => Some(Attribute::Wholes(numbers)),
        "0.a_i64" => Some(Attribute::LongWholes(numbers)),
        _ => None,
    }
}
