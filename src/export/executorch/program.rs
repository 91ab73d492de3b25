//! A program under construction: values, and calls of kernels on them by their numbers.

use std::collections::BTreeMap;

use super::{
    container,
    memory::{ALIGNED, Buffer, placed},
    schema::{self, chain, constants, field, kind, place, plan, program, segment, tensor},
};
use crate::{
    error::Result,
    export::flatbuffer::{Child, Table},
};

/// A kernel: its name, and which of several it is.
pub(super) type Kernel = (&'static str, &'static str);

/// Values and calls so far.
#[derive(Default)]
pub(super) struct Program {
    values: Vec<Value>,
    /// The values that are whole numbers, by number.
    wholes: BTreeMap<i64, i32>,
    kernels: Vec<Kernel>,
    calls: Vec<Table>,
    buffers: Vec<Buffer>,
    /// The numbers of all constants, and where each of them begins.
    constants: Vec<u8>,
    starts: Vec<u64>,
}

/// A value.
enum Value {
    /// One of this kind, and its table.
    Plain(u8, Table),
    /// A tensor's table, which still lacks its place in memory, and its buffer.
    Buffered(Table, usize),
}

impl Program {
    fn add(&mut self, value: Value) -> i32 {
        self.values.push(value);
        self.values.len() as i32 - 1
    }

    /// Adds the value that is none.
    pub(super) fn null(&mut self) -> i32 {
        self.add(Value::Plain(kind::NULL, Table::new()))
    }

    /// The value of a whole number.
    pub(super) fn whole(&mut self, number: i64) -> i32 {
        if let Some(value) = self.wholes.get(&number) {
            return *value;
        }
        let value = self.add(Value::Plain(kind::INT, Table::new().number(field::VALUE, number)));
        self.wholes.insert(number, value);
        value
    }

    /// Adds several whole numbers, which are a list of values.
    pub(super) fn wholes(&mut self, numbers: &[i64]) -> i32 {
        let values: Vec<i64> = numbers.iter().map(|number| self.whole(*number).into()).collect();
        self.add(Value::Plain(kind::INTS, Table::new().child(field::VALUE, values)))
    }

    /// Adds a yes or no.
    pub(super) fn flag(&mut self, holds: bool) -> i32 {
        self.add(Value::Plain(kind::BOOL, Table::new().number(field::VALUE, holds)))
    }

    /// Adds a list of tensors for the next call.
    pub(super) fn tensors(&mut self, tensors: &[i32]) -> i32 {
        tensors.iter().for_each(|tensor| self.needed(*tensor));
        self.add(Value::Plain(kind::TENSORS, Table::new().child(field::VALUE, tensors.to_vec())))
    }

    /// Adds a tensor that the next call fills.
    pub(super) fn tensor(&mut self, shape: &[i64]) -> i32 {
        self.buffered(schema::FLOAT, size_of::<f32>(), shape)
    }

    /// The same, of places.
    pub(super) fn places(&mut self, shape: &[i64]) -> i32 {
        self.buffered(schema::LONG, size_of::<i64>(), shape)
    }

    fn buffered(&mut self, of: i8, bytes: usize, shape: &[i64]) -> i32 {
        let count: usize = shape.iter().map(|size| *size as usize).product();
        let now = self.calls.len();
        self.buffers.push(Buffer { size: count * bytes, first: now, last: now });
        self.add(Value::Buffered(sized(of, shape), self.buffers.len() - 1))
    }

    /// Adds a tensor that is known beforehand.
    pub(super) fn constant(&mut self, shape: &[i64], numbers: &[f32]) -> i32 {
        self.constants.resize(self.constants.len().next_multiple_of(ALIGNED), 0);
        self.starts.push(self.constants.len() as u64);
        self.constants.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        // The first is that of tensors that nobody knows beforehand.
        let table = sized(schema::FLOAT, shape).number(tensor::CONSTANT, self.starts.len() as u32);
        self.add(Value::Plain(kind::TENSOR, table))
    }

    /// The next call needs a value, which stays until then if it is a tensor.
    fn needed(&mut self, value: i32) {
        if let Value::Buffered(_, buffer) = self.values[value as usize] {
            self.buffers[buffer].last = self.calls.len();
        }
    }

    /// Adds a call of a kernel with these values.
    pub(super) fn call(&mut self, kernel: Kernel, arguments: Vec<i32>) {
        let number = self.kernels.iter().position(|known| *known == kernel).unwrap_or_else(|| {
            self.kernels.push(kernel);
            self.kernels.len() - 1
        });
        arguments.iter().for_each(|value| self.needed(*value));
        let call = Table::new().number(field::KERNEL, number as i32).child(field::ARGUMENTS, arguments);
        self.calls.push(one_of(schema::KERNEL_CALL, call));
    }

    /// Adds a call of a kernel that gives one tensor of this shape, which is that it fills and then what it returns.
    pub(super) fn one(&mut self, kernel: Kernel, takes: &[i32], shape: &[i64]) -> i32 {
        let tensor = self.tensor(shape);
        self.call(kernel, [takes, &[tensor, tensor]].concat());
        tensor
    }

    /// The bytes of the file, whose program makes one tensor of another.
    ///
    /// # Errors
    /// If it is too large for such a file.
    pub(super) fn finish(mut self, [input, output]: [i32; 2]) -> Result<Vec<u8>> {
        self.needed(output);
        let (starts, memory) = placed(&self.buffers);
        let none = Vec::<i32>::new;
        let chain = Table::new()
            .child(chain::INPUTS, none())
            .child(chain::OUTPUTS, none())
            .child(chain::INSTRUCTIONS, self.calls.into_iter().collect::<Child>());
        let plan = Table::new()
            .child(plan::NAME, schema::METHOD)
            .child(plan::CONTAINER, named("", ""))
            .child(plan::VALUES, self.values.into_iter().map(|it| it.table(&starts)).collect::<Child>())
            .child(plan::INPUTS, vec![input])
            .child(plan::OUTPUTS, vec![output])
            .child(plan::CHAINS, [chain].into_iter().collect::<Child>())
            .child(plan::KERNELS, self.kernels.into_iter().map(|(a, b)| named(a, b)).collect::<Child>())
            .child(plan::DELEGATES, none())
            .child(plan::MEMORIES, vec![0, memory as i64]);
        let size = self.constants.len() as u64;
        let segment = Table::new().number(segment::OFFSET, 0_u64).number(segment::SIZE, size);
        let starts = [&[0], &self.starts[..]].concat();
        let table = Table::new()
            .number(program::VERSION, 0_u32)
            .child(program::PLANS, [plan].into_iter().collect::<Child>())
            .child(program::SEGMENTS, [segment].into_iter().collect::<Child>())
            .child(
                program::CONSTANTS,
                Table::new().number(constants::SEGMENT, 0_u32).child(constants::OFFSETS, starts),
            );
        Ok(container::file(table.file(Some(schema::MARK))?, &self.constants))
    }
}

impl Value {
    /// How the file has it; buffers begin at `starts`.
    fn table(self, starts: &[usize]) -> Table {
        match self {
            Self::Plain(kind, table) => one_of(kind, table),
            Self::Buffered(table, buffer) => {
                let start = starts[buffer] as u64;
                let place = Table::new()
                    .number(place::MEMORY, schema::MEMORY)
                    .number(place::LOW, start as u32)
                    .number(place::HIGH, (start >> u32::BITS) as u32);
                one_of(kind::TENSOR, table.child(tensor::PLACE, place))
            }
        }
    }
}

/// A tensor of this type and shape, whose numbers lie one after another.
fn sized(of: i8, shape: &[i64]) -> Table {
    let sizes: Vec<i32> = shape.iter().map(|size| *size as i32).collect();
    let order: Vec<u8> = (0..shape.len()).map(|axis| axis as u8).collect();
    Table::new().number(tensor::TYPE, of).child(tensor::SIZES, sizes).child(tensor::ORDER, order)
}

/// A table that can be one of several.
fn one_of(is: u8, table: Table) -> Table {
    Table::new().number(field::IS, is).child(field::TABLE, table)
}

/// Two names.
fn named(first: &str, second: &str) -> Table {
    Table::new().child(field::NAME, first).child(field::OVERLOAD, second)
}
