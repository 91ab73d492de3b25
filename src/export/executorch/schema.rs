//! The numbers by which ExecuTorch's schema (schema/program.fbs) calls its kinds and fields.

/// What programs are marked with.
pub(super) const MARK: [u8; 4] = *b"ET12";
/// What the method is called that programs run.
pub(super) const METHOD: &str = "forward";
/// Numbers of 32 bits with a point.
pub(super) const FLOAT: i8 = 6;
/// Whole numbers of 64 bits.
pub(super) const LONG: i8 = 4;
/// An instruction that calls a kernel.
pub(super) const KERNEL_CALL: u8 = 1;
/// The memory that a program plans by itself; the first is for what is not planned.
pub(super) const MEMORY: u32 = 1;

/// Kinds of values.
pub(super) mod kind {
    pub(in super::super) const NULL: u8 = 1;
    pub(in super::super) const INT: u8 = 2;
    pub(in super::super) const BOOL: u8 = 3;
    pub(in super::super) const TENSOR: u8 = 5;
    pub(in super::super) const INTS: u8 = 7;
    pub(in super::super) const TENSORS: u8 = 10;
}

/// Fields of `Program`.
pub(super) mod program {
    pub(in super::super) const VERSION: usize = 0;
    pub(in super::super) const PLANS: usize = 1;
    pub(in super::super) const SEGMENTS: usize = 4;
    pub(in super::super) const CONSTANTS: usize = 5;
}

/// Fields of `ExecutionPlan`.
pub(super) mod plan {
    pub(in super::super) const NAME: usize = 0;
    pub(in super::super) const CONTAINER: usize = 1;
    pub(in super::super) const VALUES: usize = 2;
    pub(in super::super) const INPUTS: usize = 3;
    pub(in super::super) const OUTPUTS: usize = 4;
    pub(in super::super) const CHAINS: usize = 5;
    pub(in super::super) const KERNELS: usize = 6;
    pub(in super::super) const DELEGATES: usize = 7;
    pub(in super::super) const MEMORIES: usize = 8;
}

/// Fields of `DataSegment`.
pub(super) mod segment {
    pub(in super::super) const OFFSET: usize = 0;
    pub(in super::super) const SIZE: usize = 1;
}

/// Fields of `SubsegmentOffsets`.
pub(super) mod constants {
    pub(in super::super) const SEGMENT: usize = 0;
    pub(in super::super) const OFFSETS: usize = 1;
}

/// Fields of `Chain`.
pub(super) mod chain {
    pub(in super::super) const INPUTS: usize = 0;
    pub(in super::super) const OUTPUTS: usize = 1;
    pub(in super::super) const INSTRUCTIONS: usize = 2;
}

/// Fields of `Tensor`.
pub(super) mod tensor {
    pub(in super::super) const TYPE: usize = 0;
    pub(in super::super) const SIZES: usize = 2;
    pub(in super::super) const ORDER: usize = 3;
    pub(in super::super) const CONSTANT: usize = 5;
    pub(in super::super) const PLACE: usize = 6;
    pub(in super::super) const FIRST: usize = 1;
    pub(in super::super) const DYNAMISM: usize = 8;
    pub(in super::super) const MORE: usize = 9;
}

/// Fields of `AllocationDetails`.
pub(super) mod place {
    pub(in super::super) const MEMORY: usize = 0;
    pub(in super::super) const LOW: usize = 1;
    pub(in super::super) const HIGH: usize = 2;
}

/// Fields of other tables.
pub(super) mod field {
    /// Of what can be one of several tables: which it is, and the table.
    pub(in super::super) const IS: usize = 0;
    pub(in super::super) const TABLE: usize = 1;
    /// Of a value: the number, or the numbers.
    pub(in super::super) const VALUE: usize = 0;
    pub(in super::super) const KERNEL: usize = 0;
    pub(in super::super) const ARGUMENTS: usize = 1;
    pub(in super::super) const NAME: usize = 0;
    pub(in super::super) const OVERLOAD: usize = 1;
}
